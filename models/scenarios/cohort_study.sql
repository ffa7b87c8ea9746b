with

studies as (
    select * from {{ ref('int_cohort__studies_of_members') }}
)

select
    imaging_study_id,
    person_id,
    study_date,
    modality,
    image_scope,
    has_other_dates
from studies
where is_in_imaging_period and is_in_image_scope
