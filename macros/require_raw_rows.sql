{# A build before the first scan says what is missing, instead of PostgreSQL's "relation does not exist"; a crosswalk that
   was loaded before the first scan makes the tables, but gives a build nothing to build of. #}
{% macro require_raw_rows() %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set runs = source('icdm_raw', 'extract_run') -%}
        {%- set scanned = adapter.get_relation(runs.database, runs.schema, runs.identifier) -%}
        {%- if not scanned or not run_query('select true from ' ~ scanned ~ ' limit 1').rows -%}
            {%- do exceptions.raise_compiler_error(
                "schema " ~ runs.schema ~ " holds no raw rows yet: run `icdm-extract scan PATH` first"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
