with

instances as (
    select * from {{ ref('int_series__instances_published') }}
),

-- The one pass over all instances; everything that counts them starts here.
counted as (
    select
        series_key,
        header_key,
        folder_key,
        {{ file_extension('file_name') }} as file_extension,
        count(*) as number_of_instances,
        sum(coalesce(number_of_frames, 1)) as number_of_frames,
        sum(file_size) as file_size
    from instances
    group by series_key, header_key, folder_key, file_extension
)

select * from counted
