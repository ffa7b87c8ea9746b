{{
    config(
        pre_hook='{{ sort_groups() }}',
        post_hook='{{ comment_wide_columns() }}',
        persist_docs={'relation': true, 'columns': false}
    )
}}

with

series_values as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_study_id,
    unique_series_id,
    max(person_id) as person_id,
    {% for column in wide_columns() %}
        max({{ column.holds }}) filter (where series_source_value = {{ column.attribute }}) as {{ column.name }},
    {% endfor %}
    max(filepath_id) as filepath_id
from series_values
group by imaging_study_id, unique_series_id
