-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'annotation_image') }}
),

renamed as (
    select
        folder_key,
        file_name,
        annotation_number,
        sop_instance_uid
    from source
)

select * from renamed
