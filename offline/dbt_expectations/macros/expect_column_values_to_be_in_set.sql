{# Null fails, even where the set holds null. Quoted values are compared as text: numbers need quote_values: false. #}
{% test expect_column_values_to_be_in_set(model, column_name, value_set, quote_values=true, row_condition=none) %}
{% set members = [] %}
{% for value in value_set %}
    {% do members.append("(cast('" ~ value ~ "' as text))" if quote_values else '(' ~ value ~ ')') %}
{% endfor %}
{% set expectation %}coalesce({{ column_name }} in (values {{ members | join(', ') }}), false){% endset %}
{{ dbt_expectations.failing_rows(model, [column_name], expectation, row_condition) }}
{% endtest %}
