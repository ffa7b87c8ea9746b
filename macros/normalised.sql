{# How a source value is matched with the vocabulary: trimmed, upper-cased, runs of blanks and underscores one blank. #}
{% macro normalised(text) -%}
    upper(trim(regexp_replace({{ bytewise(text) }}, '[\s_]+', ' ', 'g')))
{%- endmacro %}
