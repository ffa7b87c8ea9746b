with

patients as (
    select * from {{ ref('int_study__patients_counted') }}
),

persons as (
    select * from {{ ref('int_linkage__persons') }}
)

select
    patients.study_instance_uid,
    patients.number_of_patients
from patients
inner join persons on patients.study_instance_uid = persons.study_instance_uid
where patients.number_of_patients > 1 and persons.person_id is null
