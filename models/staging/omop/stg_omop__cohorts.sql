with

source as (
    {{ optional_source('atlas', 'cohort', {
        'cohort_definition_id': 'bigint',
        'subject_id': 'bigint',
        'cohort_start_date': 'date',
        'cohort_end_date': 'date',
    }) }}
)

select * from source
