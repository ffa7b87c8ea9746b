with

exceptions as (
    select * from {{ ref('dq_exception') }}
),

violations as (
    {% for view in rule_views() %}
        select
            'DQ-{{ view[3:5] }}' as rule_id,
            record_key,
            observed
        from {{ ref(view) }}
        where
            is_violation is not false
            and record_key in (
                select exceptions.record_key from exceptions
                where exceptions.rule_id = 'DQ-{{ view[3:5] }}'
            )
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- Several violating records may bear one key.
found as (
    select
        rule_id,
        record_key,
        count(*) as number_of_violations,
        min(observed) as observed
    from violations
    group by rule_id, record_key
)

select
    exceptions.rule_id,
    exceptions.record_key,
    exceptions.reason,
    exceptions.expires_on,
    coalesce(found.number_of_violations, 0) as number_of_violations,
    found.observed,
    case
        when exceptions.expires_on < current_date then 'expired'
        when found.record_key is null then 'no longer needed'
        else 'open'
    end as status
from exceptions
left join found on exceptions.rule_id = found.rule_id and exceptions.record_key = found.record_key
