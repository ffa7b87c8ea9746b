with

studies as (
    select * from {{ ref('imaging_study') }}
)

select
    coalesce(imaging_study_id::text, study_instance_uid) as record_key,
    study_instance_uid as observed,
    imaging_study_id is null
    or study_instance_uid is null
    or count(*) over (partition by imaging_study_id) > 1
    or count(*) over (partition by study_instance_uid) > 1 as is_violation
from studies
