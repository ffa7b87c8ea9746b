with

used_concepts as (
    select * from {{ ref('int_vocabulary__concepts_used') }}
),

concepts as (
    select * from {{ ref('stg_omop__concepts') }}
)

select
    used_concepts.concept_id,
    used_concepts.used_in,
    used_concepts.concept_name,
    concepts.concept_name as vocabulary_name,
    concepts.concept_id is not null as is_in_vocabulary,
    used_concepts.is_custom,
    nullif(
        concat_ws(
            '; ',
            case when concepts.concept_id is null and not used_concepts.is_custom then 'not in the vocabulary' end,
            case when concepts.invalid_reason is not null then 'invalid' end,
            case
                when
                    concepts.concept_id is not null
                    and concepts.standard_concept is distinct from 'S'
                    and not used_concepts.is_custom
                    then 'not standard'
            end,
            case when concepts.domain_id <> used_concepts.domain_id then 'domain ' || concepts.domain_id end,
            case
                when concepts.vocabulary_id <> used_concepts.vocabulary_id then 'vocabulary ' || concepts.vocabulary_id
            end,
            case when concepts.concept_code <> used_concepts.concept_code then 'code ' || concepts.concept_code end
        ), ''
    ) as finding
from used_concepts
left join concepts on used_concepts.concept_id = concepts.concept_id
where {{ 'true' if var('vocabulary_schema') else 'false' }}
