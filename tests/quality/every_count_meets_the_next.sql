-- Nothing vanishes: each step holds exactly what the step before it handed over.
select *
from {{ ref('reconciliation') }}
where left_count is distinct from right_count
