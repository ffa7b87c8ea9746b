with

date_counts as (
    select * from {{ ref('int_study__dates_counted') }}
),

dates as (
    select
        study_instance_uid,
        {{ date_of('study_date_text') }} as study_date,
        {{ time_of('study_time_text') }} as study_time,
        number_of_instances
    from date_counts
),

dates_weighed as (
    select
        study_instance_uid,
        study_date,
        study_time,
        sum(number_of_instances) over (partition by study_instance_uid, study_date) as instances_of_date,
        sum(number_of_instances) over (partition by study_instance_uid, study_date, study_time) as instances_of_time
    from dates
    where study_date is not null
),

-- The time is one that stands beside the chosen date.
chosen as (
    select distinct on (study_instance_uid)
        study_instance_uid,
        study_date,
        study_date + study_time as study_datetime
    from dates_weighed
    order by
        study_instance_uid asc,
        instances_of_date desc,
        study_date asc,
        study_time is null asc,
        instances_of_time desc,
        study_time asc
)

select * from chosen
