with

checks as (
    select * from {{ ref('reconciliation') }}
)

select
    check_name as record_key,
    coalesce(left_count::text, 'nothing') || ' left, ' || coalesce(right_count::text, 'nothing') || ' right'
        as observed,
    (left_count is distinct from right_count) as is_violation
from checks
