with

series_rows as (
    select * from {{ ref('imaging_series') }}
),

attributes as (
    select
        *,
        name || coalesce('[' || component || ']', '') as attribute
    from {{ ref('dicom_attribute') }}
)

select
    series_rows.imaging_series_id::text as record_key,
    series_rows.series_source_value || ' (' || coalesce(series_rows.series_concept_id::text, 'no concept') || ')'
        as observed,
    attributes.attribute is null
    or (series_rows.series_concept_id is distinct from coalesce(attributes.attribute_concept_id, 0)) as is_violation
from series_rows
left join attributes on series_rows.series_source_value = attributes.attribute
