with

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

crosswalk as (
    select * from {{ ref('stg_dicom__person_crosswalk') }}
),

persons as (
    select distinct person_id from {{ ref('stg_omop__persons') }}
),

patients as (
    select distinct
        patient_key,
        patient_issuer_key
    from headers
    where patient_key is not null
),

-- What the site says goes before what PERSON says, and a row of the patient's issuer before one of any issuer.
spoken_for as (
    select
        patients.patient_key,
        patients.patient_issuer_key,
        crosswalk.origin,
        crosswalk.person_id,
        crosswalk.date_shift_days,
        row_number() over (
            partition by patients.patient_key, patients.patient_issuer_key
            order by case crosswalk.origin when 'csv' then 1 else 2 end, crosswalk.patient_issuer_key is null
        ) as place
    from patients
    inner join crosswalk
        on
            patients.patient_key = crosswalk.patient_key
            and (
                crosswalk.patient_issuer_key is null
                or patients.patient_issuer_key = crosswalk.patient_issuer_key
            )
)

select
    patients.patient_key,
    patients.patient_issuer_key,
    spoken_for.origin,
    persons.person_id,
    case when persons.person_id is not null then spoken_for.date_shift_days end as date_shift_days,
    case
        when persons.person_id is not null then null
        when spoken_for.origin is null then 'patient unknown to the crosswalk'
        when spoken_for.person_id is null then 'patient id refused'
        else 'person not in PERSON'
    end as reason
from patients
left join spoken_for
    on
        patients.patient_key = spoken_for.patient_key
        and coalesce(patients.patient_issuer_key, '') = coalesce(spoken_for.patient_issuer_key, '')
        and spoken_for.place = 1
left join persons on spoken_for.person_id = persons.person_id
