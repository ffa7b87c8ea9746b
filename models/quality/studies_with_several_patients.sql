with

patients as (
    select * from {{ ref('int_study__patients_counted') }}
)

select
    study_instance_uid,
    number_of_patients
from patients
where number_of_patients > 1
