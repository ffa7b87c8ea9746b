with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

header_values as (
    select * from {{ ref('stg_dicom__header_values') }}
),

-- Header by header, since date and time belong together.
header_dates as (
    select
        series_key,
        header_key,
        max(value) filter (where attribute = 'StudyDate') as study_date_text,
        max(value) filter (where attribute = 'StudyTime') as study_time_text
    from header_values
    where attribute in ('StudyDate', 'StudyTime')
    group by series_key, header_key
)

select
    series_states.study_instance_uid,
    header_dates.study_date_text,
    header_dates.study_time_text,
    sum(headers.number_of_instances)::bigint as number_of_instances
from headers
inner join series_states on headers.series_key = series_states.series_key
inner join header_dates
    on headers.series_key = header_dates.series_key and headers.header_key = header_dates.header_key
group by series_states.study_instance_uid, header_dates.study_date_text, header_dates.study_time_text
