with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

decided_characteristics as (
    select * from {{ ref('int_characteristic__decided') }}
),

black_blood as (
    select * from {{ ref('int_characteristic__black_blood_stated') }}
),

folder_names as (
    select * from {{ ref('int_characteristic__folders_named') }}
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
),

-- Black Blood is stated of few series, whatever is read of others.
characteristics as (
    select
        series_key,
        characteristic || coalesce('[' || component || ']', '') as attribute,
        value
    from decided_characteristics
    where characteristic <> 'BlackBlood'
),

black_blood_values as (
    select
        series_key,
        'BlackBlood' as attribute,
        black_blood as value
    from black_blood
),

descriptive_names as (
    select
        series_key,
        'SeriesFolderName' as attribute,
        folder_name as value
    from folder_names
)

select * from numbers_of_instances
union all
select * from numbers_of_frames
union all
select * from characteristics
union all
select * from black_blood_values
union all
select * from descriptive_names
