with

files as (
    select * from {{ ref('int_annotation__files_identified') }}
    where left_out_because is null
),

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

headers as (
    select * from {{ ref('stg_dicom__headers') }}
),

study_patients as (
    select * from {{ ref('int_study__patients_counted') }}
    where number_of_patients = 1
),

persons as (
    select * from {{ ref('int_linkage__persons') }}
    where person_id is not null
),

annotated_studies as (
    select distinct
        file_input,
        study_instance_uid
    from annotations
    where study_instance_uid is not null
)

-- Two ids of one person are one person.
select
    files.file_input || ' ' || annotated_studies.study_instance_uid as record_key,
    case
        when headers.patient_key = study_patients.patient_key then 'same PatientID'
        when persons.person_id = persons_of_files.person_id then 'same person'
        else 'another PatientID'
    end as observed,
    headers.patient_key <> study_patients.patient_key
    and coalesce(persons.person_id <> persons_of_files.person_id, true) as is_violation
from files
inner join annotated_studies on files.file_input = annotated_studies.file_input
inner join headers on files.series_key = headers.series_key and files.header_key = headers.header_key
inner join study_patients on annotated_studies.study_instance_uid = study_patients.study_instance_uid
left join persons on annotated_studies.study_instance_uid = persons.study_instance_uid
left join persons as persons_of_files on files.study_instance_uid = persons_of_files.study_instance_uid
where headers.patient_key is not null and study_patients.patient_key is not null
