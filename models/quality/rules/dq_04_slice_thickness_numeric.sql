with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_series_id::text as record_key,
    value_source_value as observed,
    value_as_number is null or value_as_number = 'NaN' as is_violation
from series_rows
where series_source_value = 'SliceThickness'
