with

source as (
    {{ optional_source('omop', 'source_to_concept_map', {
        'source_vocabulary_id': 'text',
        'source_code': 'text',
        'target_concept_id': 'integer',
        'valid_start_date': 'date',
        'valid_end_date': 'date',
        'invalid_reason': 'text',
    }) }}
),

of_dicom_values as (
    select
        source_vocabulary_id,
        source_code,
        target_concept_id,
        valid_start_date,
        valid_end_date,
        nullif(trim(invalid_reason), '') as invalid_reason
    from source
    where left(source_vocabulary_id, 5) = 'ICDM_'
)

select * from of_dicom_values
