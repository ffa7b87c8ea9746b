-- An id of ours must be the row of custom_concept that the mapping names; 0 and the custom ids of others are no target.
with

mappings as (
    select * from {{ ref('value_mapping') }}
),

concepts as (
    select * from {{ ref('custom_concept') }}
)

select
    mappings.attribute,
    mappings.source_value,
    mappings.concept_id
from mappings
left join concepts
    on
        mappings.concept_id = concepts.concept_id
        and mappings.concept_code = concepts.concept_code
        and mappings.concept_name = concepts.concept_name
        and mappings.domain_id = concepts.domain_id
        and mappings.vocabulary_id = concepts.vocabulary_id
where
    mappings.concept_id <= 0
    or (mappings.concept_id >= 2000000000 and concepts.concept_id is null)
    or (mappings.concept_id >= 2000000000) <> (mappings.status = 'custom')
