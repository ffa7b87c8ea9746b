with

studies as (
    select * from {{ ref('imaging_study') }}
),

series_rows as (
    select * from {{ ref('imaging_series') }}
),

instance_counts as (
    select
        imaging_study_id,
        sum(value_as_number) as number_of_instances
    from series_rows
    where series_source_value = 'NumberOfInstances'
    group by imaging_study_id
)

select
    studies.imaging_study_id::text as record_key,
    coalesce(studies.number_of_instance::text, 'nothing') || ' stated, '
    || coalesce(instance_counts.number_of_instances, 0) || ' found' as observed,
    (studies.number_of_instance is distinct from coalesce(instance_counts.number_of_instances, 0)) as is_violation
from studies
left join instance_counts on studies.imaging_study_id = instance_counts.imaging_study_id
