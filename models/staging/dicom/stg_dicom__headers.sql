-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'header') }}
),

renamed as (
    select
        series_key,
        header_key,
        patient_key,
        patient_issuer_key,
        accession_keys,
        sop_class_uid,
        transfer_syntax_uid
    from source
)

select * from renamed
