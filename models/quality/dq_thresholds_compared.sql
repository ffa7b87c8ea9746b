with

rules as (
    select * from {{ ref('dq_rule') }}
),

counts as (
    select * from {{ ref('dq_records_counted') }}
),

compared as (
    select
        rules.*,
        coalesce(counts.checked, 0) as checked,
        coalesce(counts.failed, 0) as failed,
        100.0 * (counts.checked - counts.failed) / nullif(counts.checked, 0) as percent_passed,
        -- Whole numbers on both sides: a percentage that was rounded would let one failure of a million pass at 100.
        case
            when coalesce(counts.checked, 0) = 0 then 'NOT_APPLICABLE'
            when
                rules.direction = 'at_least'
                and 100 * (counts.checked - counts.failed) >= rules.threshold_pct * counts.checked
                then 'PASS'
            when rules.direction = 'below' and 100 * counts.failed < rules.threshold_pct * counts.checked then 'PASS'
            else 'FAIL'
        end as status
    from rules
    left join counts on rules.rule_id = counts.rule_id
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
    direction,
    status,
    '{{ invocation_id }}' as run_id,
    '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S%z") }}'::timestamptz as run_at
from compared
