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
    coalesce(series_rows.unit_source_value, 'no unit')
    || ' (' || coalesce(series_rows.unit_concept_id::text, 'no concept') || ')' as observed,
    (series_rows.unit_concept_id is distinct from coalesce(attributes.unit_concept_id, 0))
    or (series_rows.unit_source_value is distinct from attributes.unit_source_value) as is_violation
from series_rows
inner join attributes on series_rows.series_source_value = attributes.attribute
where attributes.kind = 'number' and attributes.unit_source_value is not null
