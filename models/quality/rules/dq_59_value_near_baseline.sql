with

series_rows as (
    select * from {{ ref('imaging_series') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

baselines as (
    select * from {{ ref('dq_baseline') }}
)

select
    series_rows.imaging_series_id::text as record_key,
    series_rows.series_source_value || ' ' || series_rows.value_as_number || ', baseline ' || baselines.percentile_1
    || ' to ' || baselines.percentile_99 as observed,
    series_rows.value_as_number < baselines.percentile_1 or series_rows.value_as_number > baselines.percentile_99
        as is_violation
from series_rows
inner join studies on series_rows.imaging_study_id = studies.imaging_study_id
inner join series_facts
    on
        studies.study_instance_uid = series_facts.study_instance_uid
        and series_rows.unique_series_id = series_facts.series_instance_uid
inner join baselines
    on
        series_rows.series_source_value = baselines.attribute
        and series_facts.modality = baselines.modality
        and series_facts.manufacturer = baselines.manufacturer
where series_rows.value_as_number is not null
