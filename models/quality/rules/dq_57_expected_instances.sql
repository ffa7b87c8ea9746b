with

expected_counts as (
    select * from {{ ref('stg_dicom__expected_counts') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

series_rows as (
    select * from {{ ref('imaging_series') }}
    where series_source_value = 'NumberOfInstances'
),

found as (
    select
        study_instance_uid,
        null as series_instance_uid,
        number_of_instance as number_of_instances
    from studies
    union all
    select
        studies.study_instance_uid,
        series_rows.unique_series_id as series_instance_uid,
        series_rows.value_as_number as number_of_instances
    from series_rows
    inner join studies on series_rows.imaging_study_id = studies.imaging_study_id
)

select
    concat_ws(' ', expected_counts.study_instance_uid, expected_counts.series_instance_uid) as record_key,
    coalesce(trim_scale(found.number_of_instances)::text, 'none') || ' of ' || expected_counts.number_of_instances
    || case when expected_counts.series_instance_uid is null then ' of the study' else ' of the series' end as observed,
    coalesce(found.number_of_instances, 0) <> expected_counts.number_of_instances as is_violation
from expected_counts
left join found
    on
        expected_counts.study_instance_uid = found.study_instance_uid
        -- An equality, which PostgreSQL can hash; a UID is never empty.
        and coalesce(expected_counts.series_instance_uid, '') = coalesce(found.series_instance_uid, '')
