with

filepaths as (
    select * from {{ ref('filepath') }}
),

entities as (
    select
        filepath_id,
        'study ' || imaging_study_id as entity
    from {{ ref('imaging_study') }}
    union
    select
        filepath_id,
        'series ' || imaging_study_id || ' ' || unique_series_id as entity
    from {{ ref('imaging_series') }}
    where series_source_value = 'NumberOfInstances'
    union
    select
        filepath_id,
        'annotation file' as entity
    from {{ ref('imaging_annotation') }}
),

entity_counts as (
    select
        filepath_id,
        count(*) as number_of_entities
    from entities
    group by filepath_id
)

select
    filepaths.filepath_id::text as record_key,
    coalesce(entity_counts.number_of_entities, 0) || ' entities, ' || coalesce(filepaths.file_size::text, 'no')
    || ' bytes' as observed,
    coalesce(trim(filepaths.filepath) = '', true)
    or coalesce(filepaths.file_size <= 0 or filepaths.file_size % 1 <> 0, true)
    or coalesce(entity_counts.number_of_entities, 0) <> 1 as is_violation
from filepaths
left join entity_counts on filepaths.filepath_id = entity_counts.filepath_id
