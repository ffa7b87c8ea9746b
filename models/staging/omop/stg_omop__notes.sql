with

source as (
    {{ optional_source('omop', 'note', {
        'note_id': 'bigint',
        'person_id': 'bigint',
        'note_date': 'date',
        'note_datetime': 'timestamp',
        'note_type_concept_id': 'integer',
        'note_class_concept_id': 'integer',
        'note_event_id': 'bigint',
        'note_event_field_concept_id': 'integer',
    }) }}
)

select * from source
