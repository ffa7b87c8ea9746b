{# What only PostgreSQL says stands here, and nowhere else. A second engine gets its own file and adapter.dispatch. #}

{# 52 bits of a hash as a whole number below 2^53, which R clients read exactly; 13 hexadecimal digits of md5. #}
{% macro hash_id(text) -%}
    ('x' || left(md5({{ text }}), 13))::bit(52)::bigint
{%- endmacro %}

{# Bytewise order of text, the same on every server whatever its locale. #}
{% macro bytewise(text) -%}
    {{ text }} collate "C"
{%- endmacro %}

{# The pairs of a header: one row per attribute and value. #}
{% macro header_pairs(header) -%}
    jsonb_each_text({{ header }})
{%- endmacro %}

{# The pairs of an instance: one row per attribute and value. #}
{% macro instance_pairs(names, instance_values) -%}
    unnest({{ names }}, {{ instance_values }})
{%- endmacro %}

{# First of the values of a text as a number, NULL where it is none (DS and IS, PS3.5 table 6.2-1). The length and
   exponent of a broken value are bounded, only plain blanks trimmed, and digits are 0 to 9 (in some locales \d is more),
   or it would stop the build. #}
{% macro number_of(text) -%}
    {%- set first = "split_part(" ~ text ~ ", '\\', 1)" -%}
    case
        when {{ first }} ~ '^ *[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})? *$'
            then {{ first }}::numeric
    end
{%- endmacro %}

{# A DA value as a date, NULL where it is none (PS3.5 table 6.2-1); 2012.03.04 is how ACR-NEMA wrote it. A day beyond
   its month lands in the next one, and is none. #}
{% macro date_of(text) -%}
    {%- set digits = "regexp_replace(" ~ text ~ ", '[^0-9]', '', 'g')" -%}
    {%- set month = "make_date(left(" ~ digits ~ ", 4)::integer, substr(" ~ digits ~ ", 5, 2)::integer, 1)" -%}
    {%- set day = month ~ " + (substr(" ~ digits ~ ", 7, 2)::integer - 1)" -%}
    case
        when {{ text }} ~ '^(?!0000)[0-9]{4}([.-]?)(0[1-9]|1[0-2])\1(0[1-9]|[12][0-9]|3[01])$'
            then case when extract(month from {{ day }}) = extract(month from {{ month }}) then {{ day }} end
    end
{%- endmacro %}

{# A TM value as a time of day, NULL where it is none (PS3.5 table 6.2-1); minutes and seconds may be absent, a leap
   second is the last of its minute. #}
{% macro time_of(text) -%}
    case
        when {{ text }} ~ '^([01][0-9]|2[0-3])(:?[0-5][0-9](:?([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?$'
            then make_time(
                left({{ text }}, 2)::integer,
                coalesce(nullif(substr(replace({{ text }}, ':', ''), 3, 2), '')::integer, 0),
                least(coalesce(nullif(substr(replace({{ text }}, ':', ''), 5), '')::double precision, 0), 59.999999)
            )
    end
{%- endmacro %}

{# Full-width letters and half-width kana, as Japanese consoles write them, become the usual ones (Unicode NFKC). #}
{% macro full_width_folded(text) -%}
    normalize({{ text }}, nfkc)
{%- endmacro %}

{# The values of a text as numbers, in their order; NULL where one of them is none. #}
{% macro numbers_of(text) -%}
    {%- set number = "[+-]?([0-9]{1,40}(\\.[0-9]{0,40})?|\\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?" -%}
    case
        when {{ text }} ~ '^ *{{ number }}( *\\ *{{ number }})* *$'
            then string_to_array(replace({{ text }}, ' ', ''), '\')::numeric []
    end
{%- endmacro %}

{# Groups are sorted, not hashed: with hundreds of aggregates a hash table of all groups goes to disk (118 s against 62 s
   for 200 columns of 720,000 series). Holds to the end of the transaction. #}
{% macro sort_groups() -%}
    set local enable_hashagg = off
{%- endmacro %}
