-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'instance') }}
),

present as (
    select
        folder_key,
        file_name,
        series_key,
        header_key,
        sop_instance_uid,
        file_size,
        to_timestamp(modification_time_ns / 1000000000.0) as modified_at,
        instance_creation as instance_created_at,
        instance_number,
        number_of_frames,
        is_truncated,
        image_position_patient,
        layout_id,
        instance_values,
        run_id
    from source
    where removed_run_id is null
)

select * from present
