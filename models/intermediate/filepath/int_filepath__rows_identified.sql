with

series_folders as (
    select * from {{ ref('int_series__folders_counted') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

series_extensions as (
    select * from {{ ref('int_series__extensions_chosen') }}
),

study_folders as (
    select * from {{ ref('int_study__folder_shared') }}
),

annotations as (
    select distinct file_input from {{ ref('int_annotation__annotations_identified') }}
),

annotation_files as (
    select * from {{ ref('int_annotation__files_identified') }}
    where left_out_because is null
),

id_salts as (
    select * from {{ ref('id_salt') }}
),

series_paths as (
    select
        'series_folder' as kind,
        2140010002 as filepath_type_concept_id,
        series_facts.study_instance_uid || '|' || series_facts.series_instance_uid as id_input,
        series_facts.study_instance_uid,
        series_facts.series_key,
        series_folders.folder_path,
        series_extensions.file_extension,
        series_facts.file_size
    from series_facts
    inner join series_folders
        on series_facts.series_key = series_folders.series_key and series_folders.folder_rank = 1
    inner join series_extensions on series_facts.series_key = series_extensions.series_key
),

study_sizes as (
    select
        study_instance_uid,
        sum(file_size) as file_size,
        case when count(distinct coalesce(file_extension, '')) = 1 then min(file_extension) end as file_extension
    from series_paths
    group by study_instance_uid
),

study_paths as (
    select
        'study_folder' as kind,
        2140010001 as filepath_type_concept_id,
        study_folders.study_instance_uid as id_input,
        study_folders.study_instance_uid,
        null::bigint as series_key,
        study_folders.folder_path,
        study_sizes.file_extension,
        study_sizes.file_size
    from study_folders
    inner join study_sizes on study_folders.study_instance_uid = study_sizes.study_instance_uid
),

-- A file that marks nothing has no row.
annotation_paths as (
    select
        'annotation' as kind,
        2140010003 as filepath_type_concept_id,
        annotation_files.file_input as id_input,
        annotation_files.study_instance_uid,
        annotation_files.series_key,
        annotation_files.file_path as folder_path,
        annotation_files.file_extension,
        annotation_files.file_size
    from annotation_files
    inner join annotations on annotation_files.file_input = annotations.file_input
),

paths as (
    select * from study_paths
    union all
    select * from series_paths
    union all
    select * from annotation_paths
)

select
    {{ icdm_id("' || paths.kind || '", 'paths.id_input', 'id_salts.salt') }} as filepath_id,
    paths.kind,
    paths.id_input,
    paths.study_instance_uid,
    paths.series_key,
    paths.filepath_type_concept_id,
    paths.folder_path,
    paths.file_extension,
    paths.file_size
from paths
left join id_salts
    on paths.kind = id_salts.kind and paths.id_input = id_salts.id_input
