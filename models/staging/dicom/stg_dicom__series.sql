-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'series') }}
),

renamed as (
    select
        series_key,
        study_instance_uid,
        series_instance_uid,
        changed_batch
    from source
)

select * from renamed
