{# The one place where an id of the four tables is made: from what its row is (kind) and of (delimited UIDs), and from
   a salt that is 0 unless the seed id_salt names this very input. So an id depends on its own row alone. #}
{% macro icdm_id(kind, id_input, salt) -%}
    {{ hash_id("coalesce(" ~ salt ~ ", '0') || '|" ~ kind ~ "|' || " ~ id_input) }}
{%- endmacro %}
