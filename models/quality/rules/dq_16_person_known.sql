with

studies as (
    select * from {{ ref('imaging_study') }}
),

persons as (
    select * from {{ ref('stg_omop__persons') }}
)

select
    studies.imaging_study_id::text as record_key,
    case
        when studies.person_id is null then 'no person'
        when persons.person_id is null then 'unknown person ' || studies.person_id
        else 'person ' || studies.person_id
    end as observed,
    persons.person_id is null as is_violation
from studies
left join persons on studies.person_id = persons.person_id
where exists (select 1 from {{ ref('stg_omop__persons') }})
