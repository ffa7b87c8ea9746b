with

procedures as (
    select distinct procedure_concept_id from {{ ref('stg_omop__procedure_occurrences') }}
),

mappings as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute = 'Modality' and concept_id <> 0 and coalesce(domain_id, 'Procedure') = 'Procedure'
),

priorities as (
    select * from {{ ref('modality_priority') }}
),

ancestors as (
    select * from {{ ref('stg_omop__concept_ancestors') }}
),

methods as (
    select * from {{ ref('stg_omop__concept_relationships') }}
    where relationship_id = 'Has method'
),

procedure_concepts as (
    select * from {{ ref('procedure_concept') }}
),

modality_concepts as (
    select
        mappings.concept_id as modality_concept_id,
        min(priorities.priority) as priority
    from mappings
    left join priorities on mappings.source_value = priorities.modality
    group by mappings.concept_id
),

by_any_ancestor as (
    select
        procedures.procedure_concept_id,
        ancestors.ancestor_concept_id as modality_concept_id
    from procedures
    inner join ancestors on procedures.procedure_concept_id = ancestors.descendant_concept_id
    inner join modality_concepts on ancestors.ancestor_concept_id = modality_concepts.modality_concept_id
),

-- CT lies below radiography in general, which is a modality too: the closest counts.
by_ancestor as (
    select * from by_any_ancestor
    where not exists (
        select 1
        from by_any_ancestor as closer
        inner join ancestors
            on
                closer.modality_concept_id = ancestors.descendant_concept_id
                and closer.modality_concept_id <> ancestors.ancestor_concept_id
        where
            closer.procedure_concept_id = by_any_ancestor.procedure_concept_id
            and ancestors.ancestor_concept_id = by_any_ancestor.modality_concept_id
    )
),

-- The same method as a modality has.
by_method as (
    select distinct
        procedures.procedure_concept_id,
        modality_concepts.modality_concept_id
    from procedures
    inner join methods on procedures.procedure_concept_id = methods.concept_id_1
    inner join methods as methods_of_modality on methods.concept_id_2 = methods_of_modality.concept_id_2
    inner join modality_concepts on methods_of_modality.concept_id_1 = modality_concepts.modality_concept_id
    where not exists (
        select 1 from by_ancestor
        where by_ancestor.procedure_concept_id = procedures.procedure_concept_id
    )
),

by_seed as (
    select distinct
        procedures.procedure_concept_id,
        mappings.concept_id as modality_concept_id
    from procedures
    inner join procedure_concepts on procedures.procedure_concept_id = procedure_concepts.procedure_concept_id
    inner join mappings on procedure_concepts.modality = mappings.source_value
    where
        not exists (
            select 1 from by_ancestor
            where by_ancestor.procedure_concept_id = procedures.procedure_concept_id
        )
        and not exists (
            select 1 from by_method
            where by_method.procedure_concept_id = procedures.procedure_concept_id
        )
),

known as (
    select
        *,
        'ancestor' as known_from
    from by_ancestor
    union all
    select
        *,
        'method' as known_from
    from by_method
    union all
    select
        *,
        'seed' as known_from
    from by_seed
),

-- As in a study of several modalities: PET/CT is PET.
prioritised as (
    select
        known.procedure_concept_id,
        known.modality_concept_id,
        known.known_from,
        modality_concepts.priority,
        min(modality_concepts.priority) over (partition by known.procedure_concept_id) as first_priority
    from known
    inner join modality_concepts on known.modality_concept_id = modality_concepts.modality_concept_id
)

select
    procedure_concept_id,
    modality_concept_id,
    known_from,
    first_priority is null or coalesce(priority = first_priority, false) as is_first
from prioritised
