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

-- As for the printed rules on outliers, fewer than 100 numbers have no such percentiles.
percentiles as (
    select
        series_rows.series_source_value as attribute,
        series_facts.modality,
        series_facts.manufacturer,
        percentile_cont(0.01) within group (order by series_rows.value_as_number)::numeric as percentile_1,
        percentile_cont(0.99) within group (order by series_rows.value_as_number)::numeric as percentile_99,
        count(*) as number_of_values
    from series_rows
    inner join studies on series_rows.imaging_study_id = studies.imaging_study_id
    inner join series_facts
        on
            studies.study_instance_uid = series_facts.study_instance_uid
            and series_rows.unique_series_id = series_facts.series_instance_uid
    where
        series_rows.value_as_number is not null
        and series_facts.modality is not null
        and series_facts.manufacturer is not null
    group by series_rows.series_source_value, series_facts.modality, series_facts.manufacturer
    having count(*) >= 100
)

select
    attribute,
    modality,
    manufacturer,
    percentile_1,
    percentile_99,
    number_of_values
from percentiles
