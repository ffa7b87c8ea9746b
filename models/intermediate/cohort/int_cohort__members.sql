with

cohort as (
    select * from {{ ref('cohort') }}
),

birthdays as (
    select * from {{ ref('int_cohort__birthdays') }}
),

entries as (
    select
        subject_id as person_id,
        min(cohort_start_date) as diagnosis_date
    from cohort
    group by subject_id
)

select
    entries.person_id,
    entries.diagnosis_date,
    {{ age_on('entries.diagnosis_date', 'birthdays') }} as age_at_diagnosis
from entries
left join birthdays on entries.person_id = birthdays.person_id
