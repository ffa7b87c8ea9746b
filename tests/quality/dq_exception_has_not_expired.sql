{{ config(severity='warn') }}
-- A finding, not a fault: somebody has to look at the record again, or take the exception out.
select
    rule_id,
    record_key,
    expires_on
from {{ ref('dq_exceptions') }}
where status = 'expired'
