with

source as (
    {{ optional_source('omop', 'visit_occurrence', {
        'visit_occurrence_id': 'bigint',
        'person_id': 'bigint',
        'visit_concept_id': 'integer',
        'visit_start_date': 'date',
        'visit_end_date': 'date',
    }) }}
)

select * from source
