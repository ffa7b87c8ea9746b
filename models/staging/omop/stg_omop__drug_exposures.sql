with

source as (
    {{ optional_source('omop', 'drug_exposure', {
        'drug_exposure_id': 'bigint',
        'person_id': 'bigint',
        'drug_concept_id': 'integer',
        'drug_exposure_start_date': 'date',
        'drug_exposure_end_date': 'date',
    }) }}
)

select * from source
