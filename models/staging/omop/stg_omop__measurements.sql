with

source as (
    {{ optional_source('omop', 'measurement', {
        'measurement_id': 'bigint',
        'person_id': 'bigint',
        'measurement_concept_id': 'integer',
        'measurement_date': 'date',
        'value_as_number': 'numeric',
        'value_as_concept_id': 'integer',
    }) }}
)

select * from source
