with

studies as (
    select * from {{ ref('imaging_study') }}
)

select
    imaging_study_id::text as record_key,
    number_of_series || ' series, ' || coalesce(number_of_instance::text, 'no') || ' instances' as observed,
    number_of_instance is null as is_violation
from studies
where number_of_series is not null
