with

mappings as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute = 'BodyPartExamined' and concept_id <> 0 and coalesce(domain_id, 'Procedure') = 'Procedure'
),

procedure_concepts as (
    select * from {{ ref('procedure_concept') }}
),

contents as (
    select * from {{ ref('body_part_content') }}
),

body_parts as (
    select source_value as body_part from mappings
    union
    select body_part from procedure_concepts
    where body_part is not null
    union
    select body_part from contents
    union
    select contains as body_part from contents
),

-- Words of one concept are one region; a word without a concept is a region of its own.
named as (
    select
        body_parts.body_part,
        mappings.concept_id,
        coalesce(mappings.concept_id::text, body_parts.body_part) as region
    from body_parts
    left join mappings on body_parts.body_part = mappings.source_value
),

contained as (
    select
        wholes.region,
        parts.region as contained_region
    from contents
    inner join named as wholes on contents.body_part = wholes.body_part
    inner join named as parts on contents.contains = parts.body_part
)

select
    body_part,
    concept_id,
    region
from named
union
select
    named.body_part,
    named.concept_id,
    contained.contained_region as region
from named
inner join contained on named.region = contained.region
