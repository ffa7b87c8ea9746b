with

series_states as (
    select * from {{ ref('int_series__states') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

series_dates as (
    select
        series_key,
        max(value) filter (where attribute = 'StudyDate') as study_date_text,
        max(value) filter (where attribute = 'StudyTime') as study_time_text,
        max(instances_with_value) filter (where attribute = 'StudyDate') as number_of_instances
    from collapsed_values
    where attribute in ('StudyDate', 'StudyTime') and value is not null
    group by series_key
),

dates as (
    select
        series_states.study_instance_uid,
        {{ date_of('series_dates.study_date_text') }} as study_date,
        {{ time_of('series_dates.study_time_text') }} as study_time,
        series_dates.number_of_instances
    from series_dates
    inner join series_states on series_dates.series_key = series_states.series_key
),

dates_counted as (
    select
        study_instance_uid,
        study_date,
        study_time,
        sum(number_of_instances) over (partition by study_instance_uid, study_date) as instances_of_date,
        sum(number_of_instances) over (partition by study_instance_uid, study_date, study_time) as instances_of_time
    from dates
    where study_date is not null
),

-- Date and time belong together: the time is one that stands beside the chosen date.
chosen as (
    select distinct on (study_instance_uid)
        study_instance_uid,
        study_date,
        study_date + study_time as study_datetime
    from dates_counted
    order by
        study_instance_uid asc,
        instances_of_date desc,
        study_date asc,
        study_time is null asc,
        instances_of_time desc,
        study_time asc
)

select * from chosen
