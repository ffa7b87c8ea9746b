with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

published_values as (
    select * from {{ ref('int_series__values_mapped') }}
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
    published_values.value as published_value,
    collapsed_values.distinct_values,
    collapsed_values.minimum,
    collapsed_values.maximum,
    collapsed_values.instances_with_value
from collapsed_values
inner join published_values
    on
        collapsed_values.series_key = published_values.series_key
        and collapsed_values.attribute = published_values.attribute
inner join series_states on collapsed_values.series_key = series_states.series_key
inner join attributes on collapsed_values.attribute = attributes.attribute
where collapsed_values.distinct_values > 1 and attributes.level in ('study', 'series')
