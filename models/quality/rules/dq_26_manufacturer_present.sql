with

studies as (
    select * from {{ ref('imaging_study') }}
)

select
    imaging_study_id::text as record_key,
    manufacturer as observed,
    coalesce(trim(manufacturer) = '', true) as is_violation
from studies
where number_of_frames is not null
