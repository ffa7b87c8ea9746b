{# Incremental strategy `sync`: the published table becomes equal to the model's query, row by row. Rows that are gone
   or different are deleted, new ones inserted, the rest left alone, and the table is never dropped (full_refresh is
   false): a site's views on it survive. Rows are told apart whole, not by key alone, so that two rows of one id meet at
   the primary key and stop the build. #}
{% macro get_incremental_sync_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set incoming = arg_dict["temp_relation"] -%}
    {%- set key = arg_dict["unique_key"] -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | list -%}
    {%- set is_the_same_row -%}
        incoming.{{ key }} = published.{{ key }}
        and ({{ "incoming." ~ columns | join(", incoming.") }})
        is not distinct from ({{ "published." ~ columns | join(", published.") }})
    {%- endset %}

    delete from {{ target }} as published
    where not exists (select 1 from {{ incoming }} as incoming where {{ is_the_same_row }});

    insert into {{ target }} ({{ columns | join(", ") }})
    select {{ columns | join(", ") }} from {{ incoming }} as incoming
    where not exists (select 1 from {{ target }} as published where {{ is_the_same_row }});
{% endmacro %}
