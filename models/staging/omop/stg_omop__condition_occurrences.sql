with

source as (
    {{ optional_source('omop', 'condition_occurrence', {
        'condition_occurrence_id': 'bigint',
        'person_id': 'bigint',
        'condition_concept_id': 'integer',
        'condition_start_date': 'date',
    }) }}
)

select * from source
