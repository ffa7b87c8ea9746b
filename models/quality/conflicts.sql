with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

imaging_series as (
    select * from {{ ref('imaging_series') }}
),

imaging_study as (
    select * from {{ ref('imaging_study') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

attributes as (
    select distinct
        name || coalesce('[' || component || ']', '') as attribute,
        level
    from {{ ref('dicom_attribute') }}
)

select
    series_states.study_instance_uid,
    series_states.series_instance_uid,
    collapsed_values.attribute,
    imaging_series.value_source_value as published_value,
    collapsed_values.distinct_values,
    collapsed_values.minimum,
    collapsed_values.maximum,
    collapsed_values.instances_with_value
from collapsed_values
inner join series_states on collapsed_values.series_key = series_states.series_key
inner join imaging_study on series_states.study_instance_uid = imaging_study.study_instance_uid
inner join imaging_series
    on
        imaging_study.imaging_study_id = imaging_series.imaging_study_id
        and series_states.series_instance_uid = imaging_series.unique_series_id
        and collapsed_values.attribute = imaging_series.series_source_value
inner join attributes on collapsed_values.attribute = attributes.attribute
where collapsed_values.distinct_values > 1 and attributes.level in ('study', 'series')
