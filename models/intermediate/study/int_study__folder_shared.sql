with

series_states as (
    select * from {{ ref('int_series__states') }}
),

folders as (
    select * from {{ ref('int_series__folders_counted') }}
),

study_folders as (
    select distinct
        series_states.study_instance_uid,
        folders.folder_path
    from folders
    inner join series_states on folders.series_key = series_states.series_key
),

numbers_of_folders as (
    select
        study_instance_uid,
        count(*) as number_of_folders
    from study_folders
    group by study_instance_uid
),

-- Every folder above a folder, itself included.
folders_above as (
    select
        study_folders.study_instance_uid,
        array_to_string((string_to_array(study_folders.folder_path, '/'))[:depths.depth], '/') as folder_path,
        depths.depth
    from study_folders
    cross join
        lateral generate_series(1, array_length(string_to_array(study_folders.folder_path, '/'), 1)) as depths (depth)
),

shared_by_all as (
    select
        folders_above.study_instance_uid,
        folders_above.folder_path,
        folders_above.depth
    from folders_above
    inner join numbers_of_folders on folders_above.study_instance_uid = numbers_of_folders.study_instance_uid
    group by
        folders_above.study_instance_uid,
        folders_above.folder_path,
        folders_above.depth,
        numbers_of_folders.number_of_folders
    having count(*) = numbers_of_folders.number_of_folders
),

deepest as (
    select distinct on (study_instance_uid)
        study_instance_uid,
        coalesce(nullif(folder_path, ''), '/') as folder_path
    from shared_by_all
    order by study_instance_uid asc, depth desc
)

select * from deepest
