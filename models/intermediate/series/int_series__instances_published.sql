with

instances as (
    select * from {{ ref('stg_dicom__instances') }}
),

copies as (
    select * from {{ ref('int_series__copies_classed') }}
),

published as (
    select instances.*
    from instances
    where
        not exists (
            select 1
            from copies
            where
                copies.folder_key = instances.folder_key
                and copies.file_name = instances.file_name
                and copies.copy_number > 1
        )
)

select * from published
