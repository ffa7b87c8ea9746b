-- A scan that failed or was killed leaves out what it did not reach; `icdm-extract scan` again goes on from there.
{{ config(severity='warn') }}

select
    run_id,
    status,
    message
from {{ ref('stg_dicom__extract_runs') }}
where
    run_id = (select max(last_run.run_id) from {{ ref('stg_dicom__extract_runs') }} as last_run)
    and status <> 'completed'
