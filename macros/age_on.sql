{# Completed years of life on a day, from the columns of int_cohort__birthdays. Who is born on a 29 February has the birthday
   of other years on 1 March. #}
{% macro age_on(day, birthdays) -%}
    (
        extract(year from {{ day }}) - {{ birthdays }}.birth_year
        - case
            when extract(month from {{ day }}) * 100 + extract(day from {{ day }}) < {{ birthdays }}.birth_month_and_day then 1
            else 0
        end
    )::integer
{%- endmacro %}
