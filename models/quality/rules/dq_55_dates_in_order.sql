with

studies as (
    select * from {{ ref('imaging_study') }}
),

date_rows as (
    select
        imaging_series_id,
        imaging_study_id,
        value_source_value
    from {{ ref('imaging_series') }}
    where series_source_value in ('SeriesDate', 'AcquisitionDate')
),

-- Each different text once: reading a date costs more than joining it, and an archive has few different days.
dates as (
    select
        value_source_value,
        {{ date_of('value_source_value') }} as series_date
    from date_rows
    group by value_source_value
)

select
    date_rows.imaging_series_id::text as record_key,
    date_rows.value_source_value || ', study ' || to_char(studies.study_date, 'YYYY-MM-DD') as observed,
    dates.series_date < studies.study_date as is_violation
from date_rows
inner join dates on date_rows.value_source_value = dates.value_source_value
inner join studies on date_rows.imaging_study_id = studies.imaging_study_id
where dates.series_date is not null and studies.study_date is not null
