with

studies as (
    select * from {{ ref('imaging_study') }}
),

dated_rows as (
    select
        imaging_series_id,
        imaging_study_id,
        value_source_value,
        {{ date_of('value_source_value') }} as series_date
    from {{ ref('imaging_series') }}
    where series_source_value in ('SeriesDate', 'AcquisitionDate')
)

select
    dated_rows.imaging_series_id::text as record_key,
    dated_rows.value_source_value || ', study ' || to_char(studies.study_date, 'YYYY-MM-DD') as observed,
    dated_rows.series_date < studies.study_date as is_violation
from dated_rows
inner join studies on dated_rows.imaging_study_id = studies.imaging_study_id
where dated_rows.series_date is not null and studies.study_date is not null
