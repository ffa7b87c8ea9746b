with

studies as (
    select * from {{ ref('imaging_study') }}
),

concepts as (
    select * from {{ ref('stg_omop__concepts') }}
)

select
    studies.imaging_study_id::text as record_key,
    coalesce(studies.modality_source_value, 'no modality') || ' (' || studies.modality_concept_id
    || coalesce(', ' || concepts.domain_id, '') || ')' as observed,
    coalesce(
        studies.modality_concept_id = 0
        or (
            exists (select 1 from {{ ref('stg_omop__concepts') }})
            and (
                (concepts.domain_id is distinct from 'Procedure')
                or (concepts.standard_concept is distinct from 'S')
                or concepts.invalid_reason is not null
            )
        ),
        true
    ) as is_violation
from studies
left join concepts on studies.modality_concept_id = concepts.concept_id
where studies.number_of_frames is not null
