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
        -- Matching alone takes a third of the time of matching and cutting out.
        case when file_name ~ '\.[A-Za-z][A-Za-z0-9]{0,9}$' then lower(split_part(file_name, '.', -1)) end
            as file_extension,
        count(*) as number_of_instances,
        sum(coalesce(number_of_frames, 1)) as number_of_frames,
        sum(file_size) as file_size
    from instances
    group by series_key, header_key, folder_key, file_extension
)

select * from counted
