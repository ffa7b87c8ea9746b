-- Raw changed, run again: a scan wrote while the models were built, so they mix rows from before and after.
-- depends_on: {{ ref('imaging_study') }}
-- depends_on: {{ ref('imaging_series') }}
-- depends_on: {{ ref('filepath') }}
-- depends_on: {{ ref('imaging_annotation') }}
select raw_state.*
from {{ ref('stg_dicom__raw_state') }} as raw_state
where
    raw_state.number_of_series <> (select count(*) from {{ source('icdm_raw', 'series') }})
    or raw_state.sum_of_changed_batches
    <> (select coalesce(sum(series.changed_batch), 0) from {{ source('icdm_raw', 'series') }} as series)
    or raw_state.number_of_rejected_files <> (select count(*) from {{ source('icdm_raw', 'rejected_file') }})
    or raw_state.number_of_annotation_files <> (select count(*) from {{ source('icdm_raw', 'annotation_file') }})
    or raw_state.annotations_read_at is distinct from (
        select max(annotation_file.read_at) from {{ source('icdm_raw', 'annotation_file') }} as annotation_file
    )
