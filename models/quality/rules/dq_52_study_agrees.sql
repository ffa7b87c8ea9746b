with

series_states as (
    select * from {{ ref('int_series__states') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

attributes as (
    select
        name || coalesce('[' || component || ']', '') as attribute,
        level,
        aggregate
    from {{ ref('dicom_attribute') }}
),

study_values as (
    select
        series_states.study_instance_uid,
        collapsed_values.attribute,
        greatest(count(distinct collapsed_values.value), max(collapsed_values.distinct_values)) as different_values
    from collapsed_values
    inner join attributes on collapsed_values.attribute = attributes.attribute
    inner join series_states on collapsed_values.series_key = series_states.series_key
    where attributes.level = 'study' and collapsed_values.value is not null
    group by series_states.study_instance_uid, collapsed_values.attribute
)

select
    study_instance_uid || ' ' || attribute as record_key,
    different_values || ' different' as observed,
    different_values > 1 as is_violation
from study_values
