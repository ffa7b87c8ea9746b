with

instance_counts as (
    select * from {{ ref('int_series__instances_counted') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
),

counted as (
    select
        series_key,
        folder_key,
        sum(number_of_instances)::bigint as number_of_instances,
        sum(file_size) as file_size
    from instance_counts
    group by series_key, folder_key
),

ranked as (
    select
        counted.series_key,
        folders.root_name,
        folders.folder_path,
        counted.number_of_instances,
        counted.file_size,
        row_number() over (
            partition by counted.series_key
            order by counted.number_of_instances desc, {{ bytewise('folders.folder_path') }}
        ) as folder_rank
    from counted
    inner join folders on counted.folder_key = folders.folder_key
)

select * from ranked
