with

printed as (
    select * from {{ ref('paper_table_2') }}
),

results as (
    select * from {{ ref('dq_thresholds_compared') }}
)

-- The paper's percentage of an outlier rule is that of the outliers.
select
    printed.paper_number,
    results.rule_id,
    printed.cdm_table,
    printed.concept,
    printed.check_as_printed,
    printed.threshold,
    printed.percent as paper_percent,
    printed.errors as paper_errors,
    case results.direction when 'below' then 100 - results.percent_passed else results.percent_passed end as percent,
    results.failed as errors,
    results.checked,
    results.status
from printed
inner join results on printed.rule_id = results.rule_id
order by results.rule_id
