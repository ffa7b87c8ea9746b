with

masked_attributes as (
    select distinct name || coalesce('[' || component || ']', '') as attribute
    from {{ ref('dicom_attribute') }}
    where privacy_action = 'mask'
),

patterns as (
    select * from {{ ref('identifier_pattern') }}
),

series_rows as (
    select * from {{ ref('imaging_series') }}
),

different_texts as (
    select
        min(imaging_series_id) as imaging_series_id,
        series_source_value,
        value_source_value
    from series_rows
    where series_source_value in (select masked_attributes.attribute from masked_attributes)
    group by series_source_value, value_source_value
),

texts_read as (
    select
        different_texts.imaging_series_id,
        different_texts.series_source_value,
        different_texts.value_source_value,
        string_agg(patterns.kind, ', ' order by patterns.kind) as kinds
    from different_texts
    left join patterns on different_texts.value_source_value ~* patterns.pattern
    group by
        different_texts.imaging_series_id,
        different_texts.series_source_value,
        different_texts.value_source_value
)

select
    imaging_series_id::text as record_key,
    series_source_value || coalesce(', ' || kinds, '') as observed,
    kinds is not null as is_violation
from texts_read
