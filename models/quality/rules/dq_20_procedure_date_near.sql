with

links as (
    select * from {{ ref('study_procedure') }}
    where link_rank = 1 and linked_by <> 'date'
)

select
    imaging_study_id::text as record_key,
    day_distance || ' days' as observed,
    abs(day_distance) > 7 as is_violation
from links
where day_distance is not null
