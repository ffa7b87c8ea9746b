with

instance_counts as (
    select * from {{ ref('int_series__instances_counted') }}
),

extensions as (
    select
        series_key,
        file_extension,
        sum(number_of_instances) as number_of_instances
    from instance_counts
    group by series_key, file_extension
),

chosen as (
    select distinct on (series_key)
        series_key,
        file_extension
    from extensions
    order by series_key asc, number_of_instances desc, {{ bytewise('file_extension') }} asc nulls last
)

select * from chosen
