{# How a source value is matched with the vocabulary: in capitals, without blanks and punctuation, so that C-SPINE, C SPINE
   and CSPINE are one value; of a single code (value^scheme^meaning) the value and the scheme, never the meaning. #}
{% macro normalised(text) -%}
    upper(translate(
        {{ bytewise(
            "case when " ~ text ~ " like '%^%^%' and strpos(" ~ text ~ ", '\\') = 0 then split_part(" ~ text
            ~ ", '^', 1) || '^' || split_part(" ~ text ~ ", '^', 2) else " ~ text ~ " end"
        ) }},
        ' _-/\,.;:+&()[]' || chr(9) || chr(10) || chr(13), ''
    ))
{%- endmacro %}
