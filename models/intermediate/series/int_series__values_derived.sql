with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

numbers_of_instances as (
    select
        series_key,
        'NumberOfInstances' as attribute,
        number_of_instances::text as value
    from series_facts
),

numbers_of_frames as (
    select
        series_key,
        'NumberOfFrames' as attribute,
        number_of_frames::text as value
    from series_facts
    where holds_images
)

select * from numbers_of_instances
union all
select * from numbers_of_frames
