with

source as (
    {{ optional_source('vocabulary', 'concept_relationship', {
        'concept_id_1': 'integer',
        'concept_id_2': 'integer',
        'relationship_id': 'text',
        'invalid_reason': 'text',
    }) }}
),

concepts as (
    select * from {{ ref('stg_omop__concepts') }}
),

-- Of Maps to, what tells the standard concept of one that is none.
needed as (
    select
        source.concept_id_1,
        source.concept_id_2,
        source.relationship_id
    from source
    left join concepts on source.concept_id_1 = concepts.concept_id
    where
        nullif(trim(source.invalid_reason), '') is null
        and (
            source.relationship_id = 'Has method'
            or (
                source.relationship_id = 'Maps to'
                and concepts.concept_id is not null
                and concepts.standard_concept is distinct from 'S'
            )
        )
)

select * from needed
