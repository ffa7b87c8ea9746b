with

patients as (
    select * from {{ ref('int_study__patients_counted') }}
)

select
    study_instance_uid as record_key,
    number_of_patients || ' patients' as observed,
    number_of_patients > 1 as is_violation
from patients
where number_of_patients > 0
