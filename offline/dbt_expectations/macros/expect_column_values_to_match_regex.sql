{# Null fails. is_raw is taken and has no effect: PostgreSQL reads every pattern as it is written. #}
{% test expect_column_values_to_match_regex(model, column_name, regex, row_condition=none, is_raw=false, flags='') %}
{% set expectation %}regexp_match({{ column_name }}, '{{ regex }}', '{{ flags }}') is not null{% endset %}
{{ dbt_expectations.failing_rows(model, [column_name], expectation, row_condition) }}
{% endtest %}
