{{ require_raw_rows() }}
with

series as (
    select * from {{ source('icdm_raw', 'series') }}
),

rejected_files as (
    select * from {{ source('icdm_raw', 'rejected_file') }}
),

annotation_files as (
    select * from {{ source('icdm_raw', 'annotation_file') }}
),

counted_series as (
    select
        count(*) as number_of_series,
        coalesce(sum(changed_batch), 0) as sum_of_changed_batches
    from series
),

counted_rejected_files as (
    select count(*) as number_of_rejected_files from rejected_files
),

counted_annotation_files as (
    select
        count(*) as number_of_annotation_files,
        max(read_at) as annotations_read_at
    from annotation_files
)

select
    counted_series.number_of_series,
    counted_series.sum_of_changed_batches,
    counted_rejected_files.number_of_rejected_files,
    counted_annotation_files.number_of_annotation_files,
    counted_annotation_files.annotations_read_at
from counted_series
cross join counted_rejected_files
cross join counted_annotation_files
