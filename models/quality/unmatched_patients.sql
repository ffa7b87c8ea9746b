with

patients as (
    select * from {{ ref('int_linkage__patients_matched') }}
    where person_id is null
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

studies_without_person as (
    select study_instance_uid from {{ ref('int_linkage__persons') }}
    where person_id is null
)

select
    patients.patient_key,
    patients.patient_issuer_key,
    patients.reason,
    count(distinct series_states.study_instance_uid) as number_of_studies
from patients
inner join headers
    on
        patients.patient_key = headers.patient_key
        and coalesce(patients.patient_issuer_key, '') = coalesce(headers.patient_issuer_key, '')
inner join series_states on headers.series_key = series_states.series_key
inner join studies_without_person on series_states.study_instance_uid = studies_without_person.study_instance_uid
group by patients.patient_key, patients.patient_issuer_key, patients.reason
