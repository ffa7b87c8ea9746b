-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

files as (
    select * from {{ source('icdm_raw', 'annotation_file') }}
),

instances as (
    select * from {{ source('icdm_raw', 'instance') }}
    where removed_run_id is null
),

other_files as (
    select * from {{ source('icdm_raw', 'rejected_file') }}
    where removed_run_id is null
),

-- Whether a file is there is known where it was met: as an instance, or as a file that is no DICOM.
present as (
    select
        files.folder_key,
        files.file_name,
        files.file_size,
        files.read_at,
        files.form,
        files.outcome,
        files.reason,
        files.detail,
        files.missing_series_uid,
        instances.sop_instance_uid,
        instances.series_key,
        instances.header_key,
        files.file_size = coalesce(instances.file_size, other_files.file_size)
        and files.modification_time_ns = coalesce(instances.modification_time_ns, other_files.modification_time_ns)
            as is_current
    from files
    left join instances on files.folder_key = instances.folder_key and files.file_name = instances.file_name
    left join other_files on files.folder_key = other_files.folder_key and files.file_name = other_files.file_name
    where instances.folder_key is not null or other_files.folder_key is not null
)

select * from present
