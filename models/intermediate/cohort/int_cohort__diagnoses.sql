with

conditions as (
    select * from {{ ref('stg_omop__condition_occurrences') }}
),

concepts as (
    select * from {{ ref('int_cohort__concepts_expanded') }}
),

birthdays as (
    select * from {{ ref('int_cohort__birthdays') }}
),

first_diagnoses as (
    select
        conditions.person_id,
        min(conditions.condition_start_date) as diagnosis_date
    from conditions
    inner join concepts on conditions.condition_concept_id = concepts.concept_id
    where concepts.concept_set = 'primary_lung_cancer'
    group by conditions.person_id
)

select
    first_diagnoses.person_id,
    first_diagnoses.diagnosis_date,
    {{ age_on('first_diagnoses.diagnosis_date', 'birthdays') }} as age_at_diagnosis
from first_diagnoses
left join birthdays on first_diagnoses.person_id = birthdays.person_id
