{# A table that a site need not have: its columns where it is there, typed and empty rows where it is not, and NULL for a
   column that it lacks. Only models of staging/omop use it, which are tables: a view on a site's table would stand in the
   way of the site's own loading. What is lacking stands in the run's output and in icdm_quality.unavailable_sources. #}
{% macro optional_source(source_name, table_name, columns) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- set found = execute and adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    {%- set there = adapter.get_columns_in_relation(found) | map(attribute='name') | list if found else [] -%}
    {%- set lacking = columns | reject('in', there) | join(', ') -%}
    {%- if lacking and execute and flags.WHICH in ('build', 'run') -%}
        {%- do log(
            relation.schema ~ '.' ~ relation.identifier ~ (' lacks ' ~ lacking if found else ' is not there')
            ~ ': see icdm_quality.unavailable_sources', info=true
        ) -%}
    {%- endif -%}
    select
        {%- for name, type in columns.items() %}
        cast({{ name if name in there else 'null' }} as {{ type }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    {% if found %}from {{ relation }}{% else %}where false{% endif %}
{%- endmacro %}
