with

diagnoses as (
    select * from {{ ref('int_cohort__diagnoses') }}
),

cohort as (
    select * from {{ ref('cohort') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

studies_of_members as (
    select * from {{ ref('int_cohort__studies_of_members') }}
),

person_steps as (
    select
        count(*) as diagnosed,
        count(*) filter (where age_at_diagnosis >= 18) as adult,
        count(*) filter (
            where age_at_diagnosis >= 18 and {{ in_period('diagnosis_date', 'diagnosis') }}
        ) as in_period
    from diagnoses
),

cohort_steps as (
    select count(distinct subject_id) as members
    from cohort
),

study_steps as (
    select
        count(*) as all_studies,
        count(person_id) as of_a_person
    from studies
),

member_study_steps as (
    select
        count(*) as of_members,
        count(*) filter (where is_in_imaging_period) as in_period,
        count(*) filter (where is_in_imaging_period and image_scope is not null) as of_a_known_scope,
        count(*) filter (where is_in_imaging_period and is_in_image_scope) as in_scope
    from studies_of_members
)

select
    steps.step_number,
    steps.counted,
    steps.step,
    steps.remaining
from person_steps
cross join cohort_steps
cross join study_steps
cross join member_study_steps
cross join
    lateral (
        values
        (1, 'persons', 'primary lung cancer', person_steps.diagnosed),
        (2, 'persons', '18 or older at the first diagnosis', person_steps.adult),
        (3, 'persons', 'first diagnosis in the diagnosis period', person_steps.in_period),
        (4, 'persons', 'in the cohort (that of ATLAS, where one is named)', cohort_steps.members),
        (5, 'studies', 'all', study_steps.all_studies),
        (6, 'studies', 'linked to a person', study_steps.of_a_person),
        (7, 'studies', 'of the cohort', member_study_steps.of_members),
        (8, 'studies', 'in the imaging period', member_study_steps.in_period),
        (9, 'studies', 'of a modality and region that some image scope names', member_study_steps.of_a_known_scope),
        (10, 'studies', 'in the image scope', member_study_steps.in_scope)
    ) as steps (step_number, counted, step, remaining)
