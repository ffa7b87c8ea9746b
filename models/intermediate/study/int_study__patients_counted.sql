with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

-- Headers that name no issuer may mean the patient of any one issuer; the same id under two issuers is two patients.
ids as (
    select
        series_states.study_instance_uid,
        headers.patient_key,
        case
            when headers.patient_key is null then 0
            else greatest(count(distinct headers.patient_issuer_key), 1)
        end as number_of_patients,
        min(headers.patient_issuer_key) as smallest_patient_issuer_key
    from headers
    inner join series_states on headers.series_key = series_states.series_key
    group by series_states.study_instance_uid, headers.patient_key
),

counted as (
    select
        study_instance_uid,
        sum(number_of_patients)::bigint as number_of_patients,
        min(patient_key) as smallest_patient_key,
        min(smallest_patient_issuer_key) as smallest_patient_issuer_key
    from ids
    group by study_instance_uid
)

select
    study_instance_uid,
    number_of_patients,
    case when number_of_patients = 1 then smallest_patient_key end as patient_key,
    case when number_of_patients = 1 then smallest_patient_issuer_key end as patient_issuer_key
from counted
