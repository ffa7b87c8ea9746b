with

members as (
    select * from {{ ref('int_cohort__members') }}
),

concepts as (
    select * from {{ ref('int_cohort__concepts_expanded') }}
),

conditions as (
    select * from {{ ref('stg_omop__condition_occurrences') }}
),

measurements as (
    select * from {{ ref('stg_omop__measurements') }}
),

records as (
    select
        person_id,
        condition_concept_id as concept_id,
        condition_start_date as recorded_on,
        'condition_occurrence' as cdm_table
    from conditions
    union all
    select
        person_id,
        measurement_concept_id as concept_id,
        measurement_date as recorded_on,
        'measurement' as cdm_table
    from measurements
)

select
    members.person_id,
    min(records.recorded_on) as first_recorded_on,
    bool_or(records.cdm_table = 'condition_occurrence') as is_in_condition_occurrence,
    bool_or(records.cdm_table = 'measurement') as is_in_measurement
from records
inner join concepts on records.concept_id = concepts.concept_id
inner join members on records.person_id = members.person_id
where concepts.concept_set = 'brain_metastasis'
group by members.person_id
