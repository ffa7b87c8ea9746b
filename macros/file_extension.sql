{# Suffix of a file's name in lower case without the dot: a letter and up to nine letters or digits behind the last dot.
   Matching alone takes a third of the time of matching and cutting out. #}
{% macro file_extension(file_name) -%}
    case when {{ file_name }} ~ '\.[A-Za-z][A-Za-z0-9]{0,9}$' then lower(split_part({{ file_name }}, '.', -1)) end
{%- endmacro %}
