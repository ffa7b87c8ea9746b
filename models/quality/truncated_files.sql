with

instances as (
    select * from {{ ref('stg_dicom__instances') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
)

select
    folders.folder_path || '/' || instances.file_name as file_path,
    instances.file_size,
    instances.sop_instance_uid
from instances
inner join folders on instances.folder_key = folders.folder_key
where instances.is_truncated
