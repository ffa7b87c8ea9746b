with

instances as (
    select * from {{ ref('int_series__instances_published') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
),

series_folders as (
    select * from {{ ref('int_characteristic__folders_named') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

files as (
    select
        studies.imaging_study_id,
        series_states.series_instance_uid as unique_series_id,
        studies.person_id,
        instances.sop_instance_uid,
        instances.instance_number,
        folders.folder_path,
        instances.file_name,
        instances.file_size,
        instances.modified_at,
        coalesce('person_' || studies.person_id, 'unlinked') as person_folder,
        concat_ws(
            '_',
            coalesce(to_char(studies.study_date, 'YYYY-MM-DD'), 'undated'),
            nullif(left(regexp_replace(studies.modality_source_value, '[^A-Za-z0-9]', '', 'g'), 16), ''),
            studies.imaging_study_id
        ) as study_folder,
        series_folders.folder_name as series_folder,
        -- The number alone is not unique, and a rank would change with the next image that arrives.
        case
            when instances.instance_number between 0 and 9999 then to_char(instances.instance_number, 'FM0000')
            when instances.instance_number > 9999 then instances.instance_number::text
            else 'unnumbered'
        end || '_' || left(md5(instances.sop_instance_uid), 12) || '.dcm' as organised_name
    from instances
    inner join folders on instances.folder_key = folders.folder_key
    inner join series_folders on instances.series_key = series_folders.series_key
    inner join series_states on instances.series_key = series_states.series_key
    inner join studies on series_states.study_instance_uid = studies.study_instance_uid
)

select
    imaging_study_id,
    unique_series_id,
    person_id,
    sop_instance_uid,
    instance_number,
    folder_path,
    file_name,
    file_size,
    modified_at,
    person_folder || '/' || study_folder || '/' || series_folder as organised_folder,
    organised_name
from files
