with

source as (
    {{ optional_source('omop', 'observation_period', {
        'observation_period_id': 'bigint',
        'person_id': 'bigint',
        'observation_period_start_date': 'date',
        'observation_period_end_date': 'date',
    }) }}
)

select * from source
