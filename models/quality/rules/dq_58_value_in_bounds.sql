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

bounds as (
    select * from {{ ref('value_bound') }}
),

numbers as (
    select
        series_rows.imaging_series_id,
        series_rows.series_source_value,
        series_rows.value_as_number,
        series_facts.modality
    from series_rows
    inner join studies on series_rows.imaging_study_id = studies.imaging_study_id
    inner join series_facts
        on
            studies.study_instance_uid = series_facts.study_instance_uid
            and series_rows.unique_series_id = series_facts.series_instance_uid
    where
        series_rows.value_as_number is not null
        and series_rows.series_source_value in (select bounds.attribute from bounds)
),

bounded as (
    select
        numbers.*,
        bounds.minimum,
        bounds.maximum,
        row_number() over (partition by numbers.imaging_series_id order by bounds.modality is null) as place
    from numbers
    inner join bounds
        on
            numbers.series_source_value = bounds.attribute
            and (bounds.modality is null or numbers.modality = bounds.modality)
)

select
    imaging_series_id::text as record_key,
    series_source_value || ' ' || value_as_number || ', allowed ' || minimum || ' to ' || maximum as observed,
    value_as_number < minimum or value_as_number > maximum as is_violation
from bounded
where place = 1
