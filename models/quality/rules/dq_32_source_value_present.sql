with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_series_id::text as record_key,
    series_source_value as observed,
    coalesce(value_source_value, '') !~ '\S' as is_violation
from series_rows
