{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        full_refresh=false
    )
}}

with

results as (
    select * from {{ ref('dq_thresholds_compared') }}
)

select
    rule_id,
    cdm_table,
    concept,
    description,
    source,
    nature,
    checked,
    failed,
    percent_passed,
    threshold_pct,
    status,
    run_id,
    run_at
from results
{% if is_incremental() %}
    where run_id not in (select known.run_id from {{ this }} as known)
{% endif %}
