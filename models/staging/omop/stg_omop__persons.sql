with

source as (
    {{ optional_source('omop', 'person', {
        'person_id': 'bigint',
        'gender_concept_id': 'integer',
        'year_of_birth': 'integer',
        'month_of_birth': 'integer',
        'day_of_birth': 'integer',
        'birth_datetime': 'timestamp',
    }) }}
)

select * from source
