{# The columns of imaging_series_wide that come from the seed, by int_series__wide_columns; none before the first build. #}
{% macro wide_columns() %}
    {%- set columns = ref('int_series__wide_columns') -%}
    {%- set found = execute and adapter.get_relation(columns.database, columns.schema, columns.identifier) -%}
    {%- set query -%}
        select quote_ident(column_name) as name, quote_literal(attribute) as attribute, holds, description
        from {{ found }} order by place
    {%- endset -%}
    {{- return(run_query(query).rows if found else []) -}}
{% endmacro %}

{# The database's comments of these columns. No YAML file can follow the seed. #}
{% macro comment_wide_columns() %}
    {%- for column in wide_columns() %}
    comment on column {{ this }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
    {%- endfor %}
{% endmacro %}

{# The same texts as they stand in imaging_series_wide.yml, where the documentation finds them: see CONTRIBUTING.md. #}
{% macro print_wide_columns() %}
    {%- for column in wide_columns() %}
        {%- do print('      - {name: ' ~ column.name ~ ', description: ' ~ tojson(column.description) ~ '}') -%}
    {%- endfor %}
{% endmacro %}
