with

studies as (
    select * from {{ ref('imaging_study') }}
),

procedures as (
    select * from {{ ref('stg_omop__procedure_occurrences') }}
)

select
    studies.imaging_study_id::text as record_key,
    'procedure ' || studies.procedure_occurrence_id || case
        when procedures.procedure_occurrence_id is null then ' unknown'
        else
            ' of person ' || coalesce(procedures.person_id::text, 'nobody') || ', study of '
            || coalesce(studies.person_id::text, 'nobody')
    end as observed,
    coalesce(procedures.person_id <> studies.person_id, true) as is_violation
from studies
left join procedures on studies.procedure_occurrence_id = procedures.procedure_occurrence_id
where
    studies.procedure_occurrence_id is not null
    and exists (select 1 from {{ ref('stg_omop__procedure_occurrences') }})
