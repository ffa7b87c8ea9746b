with

terms as (
    select * from {{ ref('int_annotation__terms_used') }}
),

labels as (
    select * from {{ ref('annotation_label') }}
),

mappings as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
),

value_mappings as (
    select * from {{ ref('value_mapping') }}
),

concepts as (
    select * from {{ ref('stg_omop__concepts') }}
),

standard_targets as (
    select
        concept_id_1 as concept_id,
        min(concept_id_2) as target_concept_id
    from {{ ref('stg_omop__concept_relationships') }}
    where relationship_id = 'Maps to'
    group by concept_id_1
    having count(*) = 1
),

-- Who knows a meaning, in the order in which they are asked.
meanings as (
    select
        1 as place,
        'any' as scope,
        source_value,
        concept_id,
        'site' as mapped_by
    from mappings
    where attribute = 'Annotation'
    union all
    select
        3 as place,
        case kind when 'laterality' then 'side' else 'what' end as scope,
        source_value,
        concept_id,
        'seed' as mapped_by
    from labels
    where kind <> 'generation'
    union all
    select
        4 as place,
        case attribute when 'Laterality' then 'side' else 'what' end as scope,
        source_value,
        concept_id,
        mapped_by
    from mappings
    where attribute in ('AnatomicRegionSequence', 'AnatomicRegion', 'Laterality')
),

-- A valid standard concept of the site's vocabulary is the code's own, else the one that it maps to.
found_by_code as (
    select
        terms.scope,
        terms.term,
        1 as reading,
        2 as place,
        case when concepts.standard_concept = 'S' then concepts.concept_id else standard_targets.target_concept_id end
            as concept_id,
        'vocabulary' as mapped_by
    from terms
    inner join concepts
        on terms.vocabulary_id = concepts.vocabulary_id and terms.concept_code = concepts.concept_code
    left join standard_targets on concepts.concept_id = standard_targets.concept_id
    where
        (concepts.standard_concept = 'S' and concepts.invalid_reason is null)
        or standard_targets.target_concept_id is not null
),

-- The term itself, then without the number that tells one lesion from the next (GTV-1, Nodule 2), then alike the
-- meaning that the file gives a code.
readings as (
    select
        terms.scope,
        terms.term,
        spellings.reading,
        spellings.source_value
    from terms
    cross join
        lateral (
            values
            (1, terms.normalised_term),
            (2, regexp_replace(terms.normalised_term, '[0-9]+$', '')),
            (3, terms.normalised_meaning),
            (4, regexp_replace(terms.normalised_meaning, '[0-9]+$', ''))
        ) as spellings (reading, source_value)
    where spellings.source_value <> ''
),

found as (
    select
        readings.scope,
        readings.term,
        readings.reading,
        meanings.place,
        meanings.concept_id,
        meanings.mapped_by
    from readings
    inner join meanings
        on readings.source_value = meanings.source_value and meanings.scope in ('any', readings.scope)
    union all
    select
        scope,
        term,
        reading,
        place,
        concept_id,
        mapped_by
    from found_by_code
),

chosen as (
    select distinct on (scope, term)
        scope,
        term,
        concept_id,
        mapped_by
    from found
    order by scope, term, reading, place, concept_id
),

-- What a concept is of, the seeds say of theirs and the vocabulary of others.
domains_said as (
    select
        concept_id,
        domain_id
    from labels
    union all
    select
        concept_id,
        domain_id
    from value_mappings
    union all
    select
        concept_id,
        domain_id
    from concepts
),

domains as (
    select
        concept_id,
        min(domain_id) as domain_id
    from domains_said
    group by concept_id
)

select
    terms.scope,
    terms.term,
    coalesce(chosen.concept_id, 0) as concept_id,
    domains.domain_id,
    coalesce(chosen.mapped_by, 'none') as mapped_by
from terms
left join chosen on terms.scope = chosen.scope and terms.term = chosen.term
left join domains on chosen.concept_id = domains.concept_id
