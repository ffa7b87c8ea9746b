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
    series_rows.series_source_value || ': ' || series_rows.value_source_value as observed,
    case attributes.kind
        when 'number' then series_rows.value_as_number is null
        else coalesce(series_rows.value_as_concept_id, 0) = 0
    end as is_violation
from series_rows
inner join attributes on series_rows.series_source_value = attributes.attribute
where attributes.kind in ('number', 'code')
