with

source as (
    {{ optional_source('omop', 'procedure_occurrence', {
        'procedure_occurrence_id': 'bigint',
        'person_id': 'bigint',
        'procedure_concept_id': 'integer',
        'procedure_date': 'date',
        'procedure_datetime': 'timestamp',
        'procedure_type_concept_id': 'integer',
        'visit_occurrence_id': 'bigint',
    }) }}
)

select * from source
