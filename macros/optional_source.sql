{# A table that a site need not have: its columns where it is there, typed and empty rows where it is not. Only models of
   staging/omop use it, which are tables: a view on a site's table would stand in the way of the site's own loading. #}
{% macro optional_source(source_name, table_name, columns) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- set found = execute and adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    select
        {%- for name, type in columns.items() %}
        cast({{ name if found else 'null' }} as {{ type }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    {% if found %}from {{ relation }}{% else %}where false{% endif %}
{%- endmacro %}
