-- An id of ours must be the row of custom_concept that the label names; 0 and the custom ids of others are no target.
with

labels as (
    select
        source_value,
        concept_id,
        concept_name,
        domain_id,
        vocabulary_id,
        concept_code,
        status = 'custom' as is_custom
    from {{ ref('annotation_label') }}
    union all
    select
        name as source_value,
        concept_id,
        concept_name,
        'Measurement' as domain_id,
        vocabulary_id,
        concept_code,
        vocabulary_id = 'ICDM' as is_custom
    from {{ ref('annotation_attribute') }}
),

concepts as (
    select * from {{ ref('custom_concept') }}
)

select
    labels.source_value,
    labels.concept_id
from labels
left join concepts
    on
        labels.concept_id = concepts.concept_id
        and labels.concept_code = concepts.concept_code
        and labels.concept_name = concepts.concept_name
        and labels.domain_id = concepts.domain_id
        and labels.vocabulary_id = concepts.vocabulary_id
where
    labels.concept_id <= 0
    or (labels.concept_id >= 2000000000 and concepts.concept_id is null)
    or (labels.concept_id >= 2000000000) <> coalesce(labels.is_custom, false)
