with

studies as (
    select * from {{ ref('imaging_study') }}
),

concepts as (
    select * from {{ ref('stg_omop__concepts') }}
)

select
    studies.imaging_study_id::text as record_key,
    studies.study_type_concept_id || ' (' || coalesce(concepts.vocabulary_id, 'unknown') || ')' as observed,
    (concepts.vocabulary_id is distinct from 'Type Concept') as is_violation
from studies
left join concepts on studies.study_type_concept_id = concepts.concept_id
where exists (select 1 from {{ ref('stg_omop__concepts') }})
