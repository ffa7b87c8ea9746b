with

source as (
    {{ optional_source('vocabulary', 'concept', {
        'concept_id': 'integer',
        'concept_name': 'text',
        'domain_id': 'text',
        'vocabulary_id': 'text',
        'standard_concept': 'text',
        'concept_code': 'text',
        'invalid_reason': 'text',
    }) }}
),

-- All of the vocabulary would be gigabytes.
needed_concepts as (
    select concept_id from {{ ref('int_vocabulary__concepts_used') }}
    union
    select target_concept_id as concept_id from {{ ref('stg_omop__source_to_concept_maps') }}
    union
    select procedure_concept_id as concept_id from {{ ref('stg_omop__procedure_occurrences') }}
    union
    select source.concept_id
    from source
    inner join {{ ref('int_annotation__terms_used') }} as terms
        on source.vocabulary_id = terms.vocabulary_id and source.concept_code = terms.concept_code
),

needed as (
    select
        source.concept_id,
        source.concept_name,
        source.domain_id,
        source.vocabulary_id,
        nullif(trim(source.standard_concept), '') as standard_concept,
        source.concept_code,
        nullif(trim(source.invalid_reason), '') as invalid_reason
    from source
    inner join needed_concepts on source.concept_id = needed_concepts.concept_id
)

select * from needed
