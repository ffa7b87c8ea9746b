-- One scan per view. What is neither kept nor broken is a fault of the rule, and counts as broken.
{% for view in rule_views() %}
    select
        'DQ-{{ view[3:5] }}' as rule_id,
        count(*) as checked,
        count(*) filter (where is_violation is not false) as failed
    from {{ ref(view) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
