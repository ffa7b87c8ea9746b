with

filepaths as (
    select * from {{ ref('filepath') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

series_paths as (
    select distinct
        imaging_study_id,
        unique_series_id,
        filepath_id
    from {{ ref('imaging_series') }}
),

entities as (
    select
        'study ' || imaging_study_id as record_key,
        filepath_id
    from studies
    union all
    select
        'series ' || imaging_study_id || ' ' || unique_series_id as record_key,
        filepath_id
    from series_paths
)

select
    entities.record_key,
    'path ' || coalesce(entities.filepath_id::text, 'missing,')
    || case when filepaths.filepath_id is null then ' unknown' else '' end as observed,
    filepaths.filepath_id is null as is_violation
from entities
left join filepaths on entities.filepath_id = filepaths.filepath_id
