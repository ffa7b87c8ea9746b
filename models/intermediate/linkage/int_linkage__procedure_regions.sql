with

procedures as (
    select distinct procedure_concept_id from {{ ref('stg_omop__procedure_occurrences') }}
),

regions as (
    select * from {{ ref('int_linkage__regions') }}
),

ancestors as (
    select * from {{ ref('stg_omop__concept_ancestors') }}
),

procedure_concepts as (
    select * from {{ ref('procedure_concept') }}
),

by_ancestor as (
    select distinct
        procedures.procedure_concept_id,
        regions.region
    from procedures
    inner join ancestors on procedures.procedure_concept_id = ancestors.descendant_concept_id
    inner join regions on ancestors.ancestor_concept_id = regions.concept_id
),

-- A general procedure, as CT, names no region: NULL, which agrees with none and contradicts none.
by_seed as (
    select distinct
        procedures.procedure_concept_id,
        regions.region
    from procedures
    inner join procedure_concepts on procedures.procedure_concept_id = procedure_concepts.procedure_concept_id
    left join regions on procedure_concepts.body_part = regions.body_part
    where
        not exists (
            select 1 from by_ancestor
            where by_ancestor.procedure_concept_id = procedures.procedure_concept_id
        )
)

select
    *,
    'ancestor' as known_from
from by_ancestor
union all
select
    *,
    'seed' as known_from
from by_seed
