with

persons as (
    select * from {{ ref('int_linkage__persons') }}
),

dates as (
    select * from {{ ref('int_study__date_chosen') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

-- One series of moved dates is enough to doubt the study's.
alterations as (
    select
        series_facts.study_instance_uid,
        bool_or(upper(collapsed_values.all_values) ~ '(^|\\) *REMOVED *(\\|$)') as has_removed_dates,
        bool_or(upper(collapsed_values.all_values) ~ '(^|\\) *MODIFIED *(\\|$)') as has_modified_dates
    from collapsed_values
    inner join series_facts on collapsed_values.series_key = series_facts.series_key
    where collapsed_values.attribute = 'LongitudinalTemporalInformationModified'
    group by series_facts.study_instance_uid
),

judged as (
    select
        persons.study_instance_uid,
        persons.person_id,
        dates.study_date,
        dates.study_datetime,
        coalesce(persons.date_shift_days, 0) as days_to_take_back,
        case
            when dates.study_date is null then 'no date'
            when alterations.has_removed_dates then 'dates removed'
            when persons.date_shift_days is not null then 'shift taken back'
            when alterations.has_modified_dates or persons.shifts_differ then 'dates shifted'
            else 'as in OMOP'
        end as date_state
    from persons
    left join dates on persons.study_instance_uid = dates.study_instance_uid
    left join alterations on persons.study_instance_uid = alterations.study_instance_uid
)

select
    study_instance_uid,
    person_id,
    date_state,
    case when date_state in ('as in OMOP', 'shift taken back') then study_date - days_to_take_back end as omop_date,
    case
        when date_state in ('as in OMOP', 'shift taken back')
            then study_datetime - days_to_take_back * interval '1 day'
    end as omop_datetime
from judged
