{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[{'columns': ['series_key']}],
        pre_hook="
            {% if is_incremental() %}
            delete from {{ this }} as collapsed
            where not exists (
                select 1 from {{ ref('int_series__states') }} as states
                where states.series_key = collapsed.series_key and states.state = collapsed.state
            )
            {% endif %}"
    )
}}

with

series_states as (
    select * from {{ ref('int_series__states') }}
),

header_counts as (
    select * from {{ ref('int_series__headers_counted') }}
),

header_values as (
    select * from {{ ref('stg_dicom__header_values') }}
),

instances as (
    select * from {{ ref('int_series__instances_published') }}
),

layouts as (
    select * from {{ ref('stg_dicom__header_layouts') }}
),

-- The pre-hook has deleted the rows of every series whose state is another now.
changed_series as (
    select
        series_states.series_key,
        series_states.state
    from series_states
    {% if is_incremental() %}
        where not exists (
            select 1 from {{ this }} as collapsed
            where collapsed.series_key = series_states.series_key
        )
    {% endif %}
),

changed_headers as (
    select
        header_counts.series_key,
        header_counts.header_key,
        header_counts.number_of_instances,
        count(*) over (partition by header_counts.series_key) as number_of_headers
    from header_counts
    inner join changed_series on header_counts.series_key = changed_series.series_key
),

-- Instances that share their values are counted once, before anything is unpivoted.
instance_groups as (
    select
        instances.series_key,
        instances.layout_id,
        instances.instance_values,
        count(*) as number_of_instances
    from instances
    inner join changed_series on instances.series_key = changed_series.series_key
    group by instances.series_key, instances.layout_id, instances.instance_values
),

counted_groups as (
    select
        instance_groups.*,
        count(*) over (partition by instance_groups.series_key) as number_of_groups
    from instance_groups
),

-- What is one and the same in all instances of a series needs no counting: most of an archive.
series_values as (
    select
        changed_headers.series_key,
        header_values.attribute,
        header_values.value,
        changed_headers.number_of_instances,
        changed_headers.number_of_headers = 1 as is_uniform
    from changed_headers
    inner join header_values
        on
            changed_headers.series_key = header_values.series_key
            and changed_headers.header_key = header_values.header_key
    union all
    select
        counted_groups.series_key,
        pairs.attribute,
        pairs.value,
        counted_groups.number_of_instances,
        counted_groups.number_of_groups = 1 as is_uniform
    from counted_groups
    inner join layouts on counted_groups.layout_id = layouts.layout_id
    cross join
        lateral {{ instance_pairs('layouts.instance_attributes', 'counted_groups.instance_values') }}
            as pairs (attribute, value)
    where pairs.value is not null
),

uniform_values as (
    select
        series_values.series_key,
        series_values.attribute,
        nullif(series_values.value, '') as value,
        series_values.number_of_instances as instances_present,
        case when series_values.value = '' then 0 else series_values.number_of_instances end as instances_with_value,
        case when series_values.value = '' then 0 else 1 end as distinct_values,
        nullif(series_values.value, '') as minimum,
        nullif(series_values.value, '') as maximum,
        nullif(series_values.value, '') as median,
        nullif(series_values.value, '') as all_values
    from series_values
    where series_values.is_uniform
),

counted_values as (
    select
        series_values.series_key,
        series_values.attribute,
        series_values.value,
        {{ number_of('series_values.value') }} as number,
        sum(series_values.number_of_instances) as number_of_instances
    from series_values
    where not series_values.is_uniform
    group by series_values.series_key, series_values.attribute, series_values.value
),

-- Running count of the numbers in ascending order: the median is the first that reaches half.
ranked_values as (
    select
        series_key,
        attribute,
        value,
        number,
        number_of_instances,
        sum(number_of_instances) filter (where number is not null) over ascending_numbers as instances_up_to,
        sum(number_of_instances) filter (where number is not null)
            over (partition by series_key, attribute) as instances_with_number
    from counted_values
    window ascending_numbers as (
        partition by series_key, attribute
        order by number nulls last, {{ bytewise('value') }}
    )
),

-- Empty values count as present and never decide.
compared_values as (
    select
        series_key,
        attribute,
        (array_agg(value order by number_of_instances desc, {{ bytewise('value') }}) filter (where value <> ''))[1]
            as value,
        sum(number_of_instances) as instances_present,
        coalesce(sum(number_of_instances) filter (where value <> ''), 0) as instances_with_value,
        count(*) filter (where value <> '') as distinct_values,
        (array_agg(value order by number nulls last, {{ bytewise('value') }}) filter (where value <> ''))[1]
            as minimum,
        (array_agg(value order by number desc nulls last, {{ bytewise('value') }} desc) filter (where value <> ''))[1]
            as maximum,
        (
            array_agg(value order by number, {{ bytewise('value') }})
            filter (where number is not null and instances_up_to * 2 >= instances_with_number)
        )[1] as median_number,
        -- Long lists are measurements, of which nobody reads the sum.
        case
            when count(*) filter (where value <> '') <= 100
                then string_agg(value, '\' order by {{ bytewise('value') }}) filter (where value <> '')
        end as all_values
    from ranked_values
    group by series_key, attribute
),

collapsed as (
    select * from uniform_values
    union all
    select
        series_key,
        attribute,
        value,
        instances_present,
        instances_with_value,
        distinct_values,
        minimum,
        maximum,
        coalesce(median_number, value) as median,
        all_values
    from compared_values
)

select
    collapsed.series_key,
    collapsed.attribute,
    collapsed.value,
    collapsed.instances_present::bigint as instances_present,
    collapsed.instances_with_value::bigint as instances_with_value,
    collapsed.distinct_values::bigint as distinct_values,
    collapsed.minimum,
    collapsed.maximum,
    collapsed.median,
    collapsed.all_values,
    changed_series.state
from collapsed
inner join changed_series on collapsed.series_key = changed_series.series_key
