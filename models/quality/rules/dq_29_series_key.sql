with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    min(imaging_series_id)::text as record_key,
    series_source_value || ', ' || count(*) || ' rows' as observed,
    count(*) > 1 as is_violation
from series_rows
group by imaging_study_id, unique_series_id, series_source_value
