-- Nothing stands on this table but the tests of the rules: what hangs below it would be skipped when a rule fails.
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
