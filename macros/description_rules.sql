{# How a text is folded before the rules of description_rule read it: full-width letters and half-width kana as the usual
   ones, words run together in mixed case parted (CarotidAngio), upper case, runs of blanks and underscores one blank. #}
{% macro folded_description(text) -%}
    {%- set usual = full_width_folded(text) -%}
    {%- set parted = "regexp_replace(" ~ bytewise(usual) ~ ", '([a-z])([A-Z])', '\\1 \\2', 'g')" -%}
    upper(trim(regexp_replace({{ parted }}, '[\s_]+', ' ', 'g')))
{%- endmacro %}

{# The regular expression of a rule: its pattern between the boundaries that it asks for. #}
{% macro bounded_pattern(pattern, boundary) -%}
    case when {{ boundary }} in ('word', 'start') then '(?<![A-Z0-9])' else '' end
    || '(?:' || {{ pattern }} || ')'
    || case when {{ boundary }} = 'word' then '(?![A-Z0-9])' else '' end
{%- endmacro %}
