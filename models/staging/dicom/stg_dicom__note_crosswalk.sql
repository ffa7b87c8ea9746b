with

source as (
    select * from {{ source('icdm_raw', 'note_crosswalk') }}
),

renamed as (
    select
        origin,
        accession_key,
        study_instance_uid,
        note_id
    from source
)

select * from renamed
