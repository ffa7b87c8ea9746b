{# A build before the first scan says what is missing, instead of PostgreSQL's "relation does not exist". #}
{% macro require_raw_rows() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set series = source('icdm_raw', 'series') -%}
        {%- if not adapter.get_relation(series.database, series.schema, series.identifier) -%}
            {%- do exceptions.raise_compiler_error(
                "schema " ~ series.schema ~ " holds no raw rows yet: run `icdm-extract scan PATH` first"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
