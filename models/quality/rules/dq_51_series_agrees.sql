with

series_states as (
    select * from {{ ref('int_series__states') }}
),

attributes as (
    select
        name || coalesce('[' || component || ']', '') as attribute,
        level,
        aggregate
    from {{ ref('dicom_attribute') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

disputes as (
    select
        collapsed_values.series_key,
        string_agg(collapsed_values.attribute, ', ' order by collapsed_values.attribute) as disputed
    from collapsed_values
    inner join attributes on collapsed_values.attribute = attributes.attribute
    where
        collapsed_values.distinct_values > 1
        and attributes.level in ('study', 'series')
        and attributes.aggregate = 'mode'
    group by collapsed_values.series_key
)

select
    series_states.study_instance_uid || ' ' || series_states.series_instance_uid as record_key,
    disputes.disputed as observed,
    disputes.disputed is not null as is_violation
from series_states
left join disputes on series_states.series_key = disputes.series_key
