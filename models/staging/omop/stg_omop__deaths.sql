with

source as (
    {{ optional_source('omop', 'death', {
        'person_id': 'bigint',
        'death_date': 'date',
    }) }}
)

select * from source
