with

concept_sets as (
    select * from {{ ref('concept_set') }}
),

ancestors as (
    select * from {{ ref('stg_omop__concept_ancestors') }}
),

expanded as (
    select
        concept_set,
        is_excluded,
        concept_id
    from concept_sets
    union
    select
        concept_sets.concept_set,
        concept_sets.is_excluded,
        ancestors.descendant_concept_id as concept_id
    from concept_sets
    inner join ancestors on concept_sets.concept_id = ancestors.ancestor_concept_id
    where concept_sets.include_descendants
)

select
    concept_set,
    concept_id
from expanded
group by concept_set, concept_id
having not bool_or(is_excluded)
