with

studies as (
    select * from {{ ref('imaging_study') }}
)

select
    imaging_study_id::text as record_key,
    coalesce(number_of_series::text, 'no') || ' series, ' || coalesce(number_of_instance::text, 'no') || ' instances'
        as observed,
    coalesce(number_of_series < 1 or number_of_instance < number_of_series, true) as is_violation
from studies
