with

folders as (
    select * from {{ source('icdm_raw', 'folder') }}
),

roots as (
    select * from {{ source('icdm_raw', 'root') }}
),

joined as (
    select
        folders.folder_key,
        roots.root_name,
        folders.folder,
        case
            when folders.folder = '' then roots.root_path
            else rtrim(roots.root_path, '/') || '/' || folders.folder
        end as folder_path
    from folders
    inner join roots on folders.root_id = roots.root_id
)

select * from joined
