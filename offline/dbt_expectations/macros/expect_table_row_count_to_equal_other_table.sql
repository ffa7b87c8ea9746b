{# One failing row, with both counts. A row_condition holds for the other table too, unless that has its own. #}
{% test expect_table_row_count_to_equal_other_table(
    model, compare_model, factor=1, row_condition=none, compare_row_condition=none
) %}
with counted as (
    select count(*) as row_count
    from {{ model }}
    {%- if row_condition %}
    where {{ row_condition }}
    {%- endif %}
),

expected as (
    select count(*) * {{ factor }} as row_count
    from {{ compare_model }}
    {%- if compare_row_condition or row_condition %}
    where {{ compare_row_condition or row_condition }}
    {%- endif %}
)

select
    counted.row_count,
    expected.row_count as expected_row_count
from counted
cross join expected
where counted.row_count <> expected.row_count
{% endtest %}
