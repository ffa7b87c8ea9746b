with

series_rows as (
    select * from {{ ref('imaging_series') }}
),

functions as (
    select
        imaging_study_id,
        unique_series_id,
        upper(trim(value_source_value)) as voi_lut_function
    from {{ ref('imaging_series') }}
    where series_source_value = 'VOILUTFunction'
)

select
    series_rows.imaging_series_id::text as record_key,
    series_rows.value_source_value || coalesce(', ' || functions.voi_lut_function, '') as observed,
    case
        when coalesce(functions.voi_lut_function, 'LINEAR') = 'LINEAR'
            then coalesce(series_rows.value_as_number < 1, true)
        else coalesce(series_rows.value_as_number <= 0, true)
    end as is_violation
from series_rows
left join functions
    on
        series_rows.imaging_study_id = functions.imaging_study_id
        and series_rows.unique_series_id = functions.unique_series_id
where series_rows.series_source_value = 'WindowWidth'
