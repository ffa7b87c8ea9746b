{# Null passes. #}
{% test expect_column_values_to_be_between(
    model, column_name, min_value=none, max_value=none, row_condition=none, strictly=false
) %}
{% set or_equal = '' if strictly else '=' %}
{% set bounds = [] %}
{% if min_value is not none %}
    {% do bounds.append(column_name ~ ' >' ~ or_equal ~ ' ' ~ min_value) %}
{% endif %}
{% if max_value is not none %}
    {% do bounds.append(column_name ~ ' <' ~ or_equal ~ ' ' ~ max_value) %}
{% endif %}
{% if not bounds %}
    {% do exceptions.raise_compiler_error('expect_column_values_to_be_between needs min_value, max_value or both') %}
{% endif %}
{{ dbt_expectations.failing_rows(model, [column_name], bounds | join(' and '), row_condition) }}
{% endtest %}
