with

source as (
    {{ optional_source('vocabulary', 'concept_relationship', {
        'concept_id_1': 'integer',
        'concept_id_2': 'integer',
        'relationship_id': 'text',
        'invalid_reason': 'text',
    }) }}
),

needed as (
    select
        concept_id_1,
        concept_id_2,
        relationship_id
    from source
    where relationship_id = 'Has method' and nullif(trim(invalid_reason), '') is null
)

select * from needed
