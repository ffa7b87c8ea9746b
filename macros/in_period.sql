{# True of a day from the variable <period>_from to the variable <period>_to, both included; a variable that is null leaves
   that end open. A day that is NULL is in no period. #}
{% macro in_period(day, period) -%}
    {{ day }} between '{{ var(period ~ "_from") or "0001-01-01" }}'::date and '{{ var(period ~ "_to") or "9999-12-31" }}'::date
{%- endmacro %}
