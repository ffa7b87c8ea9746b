with

rejected_files as (
    select * from {{ ref('stg_dicom__rejected_files') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
)

select
    rejected_files.outcome,
    rejected_files.reason,
    rejected_files.detail,
    folders.folder_path || '/' || rejected_files.file_name as file_path,
    rejected_files.file_size
from rejected_files
inner join folders on rejected_files.folder_key = folders.folder_key
