{# A pair with a null passes. #}
{% test expect_column_pair_values_A_to_be_greater_than_B(
    model, column_A, column_B, or_equal=false, row_condition=none
) %}
{% set expectation %}{{ column_A }} {{ '>=' if or_equal else '>' }} {{ column_B }}{% endset %}
{# Named, since two expressions could not be told apart in a table of stored failures. #}
{% set columns = [column_A ~ ' as value_a', column_B ~ ' as value_b'] %}
{{ dbt_expectations.failing_rows(model, columns, expectation, row_condition) }}
{% endtest %}
