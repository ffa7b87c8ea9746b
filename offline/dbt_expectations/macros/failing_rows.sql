{# A row fails where the expectation is false: where SQL cannot tell (null), it passes, unless the expectation says otherwise. #}
{% macro failing_rows(model, columns, expectation, row_condition) %}
select {{ columns | join(', ') }}
from {{ model }}
where not ({{ expectation }})
{%- if row_condition %}
    and ({{ row_condition }})
{%- endif %}
{% endmacro %}
