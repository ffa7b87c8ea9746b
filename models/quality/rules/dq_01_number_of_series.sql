with

studies as (
    select * from {{ ref('imaging_study') }}
),

-- First the different series, then their number: count(distinct) would sort all rows.
different_series as (
    select distinct
        imaging_study_id,
        unique_series_id
    from {{ ref('imaging_series') }}
),

series_counts as (
    select
        imaging_study_id,
        count(unique_series_id) as number_of_series
    from different_series
    group by imaging_study_id
)

select
    studies.imaging_study_id::text as record_key,
    coalesce(studies.number_of_series::text, 'nothing') || ' stated, ' || coalesce(series_counts.number_of_series, 0)
    || ' found' as observed,
    (studies.number_of_series is distinct from coalesce(series_counts.number_of_series, 0)) as is_violation
from studies
left join series_counts on studies.imaging_study_id = series_counts.imaging_study_id
