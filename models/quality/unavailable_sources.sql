-- depends_on: {{ ref('stg_omop__persons') }}
-- What the models of staging/omop ask for, by their own columns, held against what the database has.
with

asked_for as (
    {%- for model in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name')
        if execute and model.name.startswith('stg_omop__') %}
        {%- set relation = source(*model.sources[0]) %}
        {{ "union all" if not loop.first }}
        select
            '{{ model.name }}' as model_name,
            '{{ model.sources[0][0] }}' as source_name,
            '{{ relation.schema }}' as schema_name,
            '{{ relation.identifier }}' as table_name,
            unnest(array[
                {%- for column in model.columns %}
                    '{{ column }}'{{ "," if not loop.last }}
                {%- endfor %}
            ]) as column_name
    {%- endfor %}
),

available as (
    select
        table_schema as schema_name,
        table_name,
        column_name
    from information_schema.columns
),

compared as (
    select
        asked_for.model_name,
        asked_for.source_name,
        asked_for.schema_name,
        asked_for.table_name,
        asked_for.column_name,
        available.column_name is not null as is_there,
        bool_or(available.column_name is not null)
            over (partition by asked_for.schema_name, asked_for.table_name) as table_is_there
    from asked_for
    left join available
        on
            asked_for.schema_name = available.schema_name
            and asked_for.table_name = available.table_name
            and asked_for.column_name = available.column_name
),

lacking as (
    select distinct
        schema_name,
        table_name,
        case when table_is_there then column_name end as column_name,
        model_name,
        case
            when table_is_there then 'the table has no such column: NULL'
            when source_name = 'vocabulary' and {{ 'false' if var('vocabulary_schema') else 'true' }}
                then 'the variable vocabulary_schema is not set: empty'
            else 'there is no such table: empty'
        end as reason
    from compared
    where not is_there
)

select * from lacking
order by schema_name, table_name, column_name
