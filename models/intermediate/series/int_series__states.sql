with

series as (
    select * from {{ ref('stg_dicom__series') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

copies as (
    select * from {{ ref('int_series__copies_classed') }}
),

published_series as (
    select distinct series_key from headers
),

-- A copy found elsewhere changes a series although none of its own files changed.
left_out_copies as (
    select
        series_key,
        md5(string_agg(file_path, chr(10) order by {{ bytewise('file_path') }})) as copies_hash
    from copies
    where copy_number > 1
    group by series_key
)

select
    series.series_key,
    series.study_instance_uid,
    series.series_instance_uid,
    series.changed_batch || coalesce('-' || left_out_copies.copies_hash, '') as state
from series
inner join published_series on series.series_key = published_series.series_key
left join left_out_copies on series.series_key = left_out_copies.series_key
