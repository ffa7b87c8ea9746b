with

source as (
    {{ optional_source('vocabulary', 'concept_ancestor', {
        'ancestor_concept_id': 'integer',
        'descendant_concept_id': 'integer',
        'min_levels_of_separation': 'integer',
    }) }}
),

-- All of the vocabulary would be gigabytes: what is asked for are the descendants of these.
needed_ancestors as (
    select concept_id from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute in ('Modality', 'BodyPartExamined')
    union
    select concept_id from {{ ref('concept_set') }}
    where include_descendants
),

needed as (
    select * from source
    where ancestor_concept_id in (select needed_ancestors.concept_id from needed_ancestors)
)

select * from needed
