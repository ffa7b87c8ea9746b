with

files as (
    select * from {{ ref('stg_annotation__files') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
),

series as (
    select * from {{ ref('stg_dicom__series') }}
),

copies as (
    select * from {{ ref('int_series__copies_classed') }}
),

-- A DICOM file is its SOP instance wherever it lies; another file is where it lies below its root.
described as (
    select
        files.folder_key,
        files.file_name,
        coalesce(
            files.sop_instance_uid,
            folders.root_name || '/' || case when folders.folder <> '' then folders.folder || '/' else '' end
            || files.file_name
        ) as file_input,
        folders.folder_path || '/' || files.file_name as file_path,
        {{ file_extension('files.file_name') }} as file_extension,
        files.file_size,
        files.read_at,
        files.form,
        files.outcome,
        files.reason,
        files.detail,
        files.missing_series_uid,
        files.sop_instance_uid,
        files.series_key,
        files.header_key,
        series.study_instance_uid,
        case
            when not files.is_current then 'changed since it was read'
            when copies.copy_number > 1 then 'copy of another file'
            when files.outcome <> 'read' then files.outcome
        end as left_out_because
    from files
    inner join folders on files.folder_key = folders.folder_key
    left join series on files.series_key = series.series_key
    left join copies on files.folder_key = copies.folder_key and files.file_name = copies.file_name
)

select * from described
