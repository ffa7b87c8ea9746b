with

source as (
    {{ optional_source('omop', 'cdm_source', {
        'cdm_source_name': 'text',
        'cdm_source_abbreviation': 'text',
        'cdm_release_date': 'date',
        'cdm_version': 'text',
        'vocabulary_version': 'text',
    }) }}
)

select * from source
