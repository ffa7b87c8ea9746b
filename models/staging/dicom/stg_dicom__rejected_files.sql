-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'rejected_file') }}
),

present as (
    select
        folder_key,
        file_name,
        file_size,
        outcome,
        reason,
        detail,
        layout_id,
        run_id
    from source
    where removed_run_id is null
)

select * from present
