with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

counted as (
    select
        series_states.study_instance_uid,
        count(distinct headers.patient_key) as number_of_patients,
        min(headers.patient_key) as smallest_patient_key
    from headers
    inner join series_states on headers.series_key = series_states.series_key
    group by series_states.study_instance_uid
)

select
    study_instance_uid,
    number_of_patients,
    case when number_of_patients = 1 then smallest_patient_key end as patient_key
from counted
