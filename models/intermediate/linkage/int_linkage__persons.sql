with

studies as (
    select * from {{ ref('int_study__rows_identified') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

patients as (
    select * from {{ ref('int_linkage__patients_matched') }}
),

study_patients as (
    select distinct
        series_states.study_instance_uid,
        headers.patient_key,
        headers.patient_issuer_key
    from headers
    inner join series_states on headers.series_key = series_states.series_key
    where headers.patient_key is not null
),

issuers_counted as (
    select
        *,
        count(patient_issuer_key) over (partition by study_instance_uid, patient_key) as number_of_issuers
    from study_patients
),

-- Files that name no issuer are of the patient with their id whose issuer other files name.
matched as (
    select
        issuers_counted.study_instance_uid,
        patients.person_id,
        patients.date_shift_days,
        patients.reason
    from issuers_counted
    inner join patients
        on
            issuers_counted.patient_key = patients.patient_key
            and coalesce(issuers_counted.patient_issuer_key, '') = coalesce(patients.patient_issuer_key, '')
    where issuers_counted.patient_issuer_key is not null or issuers_counted.number_of_issuers = 0
),

-- Two ids of one person are one person.
counted as (
    select
        study_instance_uid,
        count(*) as number_of_patients,
        case
            when count(person_id) = count(*) and count(distinct person_id) = 1 then min(person_id)
        end as person_id,
        min(date_shift_days) as date_shift_days,
        count(distinct coalesce(date_shift_days::text, '')) > 1 as shifts_differ,
        min(reason) as reason
    from matched
    group by study_instance_uid
)

select
    studies.study_instance_uid,
    counted.person_id,
    case when counted.person_id is not null and not counted.shifts_differ then counted.date_shift_days end
        as date_shift_days,
    counted.person_id is not null and counted.shifts_differ as shifts_differ,
    case
        when counted.person_id is not null then null
        when counted.study_instance_uid is null then 'no PatientID'
        when counted.number_of_patients > 1 then 'several patients in the study'
        else counted.reason
    end as reason
from studies
left join counted on studies.study_instance_uid = counted.study_instance_uid
