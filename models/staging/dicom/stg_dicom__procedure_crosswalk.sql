with

source as (
    select * from {{ source('icdm_raw', 'procedure_crosswalk') }}
),

renamed as (
    select
        origin,
        accession_key,
        study_instance_uid,
        procedure_occurrence_id
    from source
)

select * from renamed
