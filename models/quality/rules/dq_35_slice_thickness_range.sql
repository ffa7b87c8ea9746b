with

series_rows as (
    select * from {{ ref('imaging_series') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
)

select
    series_rows.imaging_series_id::text as record_key,
    series_rows.value_source_value as observed,
    series_rows.value_as_number <= 0 or series_rows.value_as_number > 100 as is_violation
from series_rows
inner join studies on series_rows.imaging_study_id = studies.imaging_study_id
inner join series_facts
    on
        studies.study_instance_uid = series_facts.study_instance_uid
        and series_rows.unique_series_id = series_facts.series_instance_uid
where
    series_rows.series_source_value = 'SliceThickness'
    and series_rows.value_as_number is not null
    and series_facts.modality in ('CT', 'MR', 'PT')
