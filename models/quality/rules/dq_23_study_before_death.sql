with

studies as (
    select * from {{ ref('imaging_study') }}
),

deaths as (
    select * from {{ ref('stg_omop__deaths') }}
)

select
    studies.imaging_study_id::text as record_key,
    to_char(studies.study_date, 'YYYY-MM-DD') || ', died ' || to_char(deaths.death_date, 'YYYY-MM-DD') as observed,
    studies.study_date > deaths.death_date + 60 as is_violation
from studies
inner join deaths on studies.person_id = deaths.person_id
where studies.study_date is not null and deaths.death_date is not null
