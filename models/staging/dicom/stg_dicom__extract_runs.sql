with

source as (
    select * from {{ source('icdm_raw', 'extract_run') }}
),

renamed as (
    select
        run_id,
        started_at,
        finished_at,
        status,
        paths,
        extractor_version,
        layout_id,
        identifiers,
        files_seen,
        files_unchanged,
        files_read,
        files_rejected,
        files_ignored,
        files_vanished,
        values_masked,
        message
    from source
)

select * from renamed
