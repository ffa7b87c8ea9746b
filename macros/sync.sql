{# Incremental strategy `sync`: the published table becomes equal to the model's query, row by row. Rows that are gone
   or different are deleted, new ones inserted, the rest left alone, and the table is never dropped: a site's views on
   it survive. #}
{% macro get_incremental_sync_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set incoming = arg_dict["temp_relation"] -%}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | list -%}

    delete from {{ target }} as published
    where not exists (
        select 1 from {{ incoming }} as incoming
        where incoming.{{ key }} = published.{{ key }}
            and ({{ "incoming." ~ columns | join(", incoming.") }})
            is not distinct from ({{ "published." ~ columns | join(", published.") }})
    );

    insert into {{ target }} ({{ columns | join(", ") }})
    select {{ columns | join(", ") }} from {{ incoming }} as incoming
    where not exists (
        select 1 from {{ target }} as published
        where published.{{ key }} = incoming.{{ key }}
    );
{% endmacro %}
