with

series as (
    select * from {{ ref('scenario_3_series') }}
),

bins as (
    select
        number_of_instances,
        (number_of_instances - 1) / 50 * 50 + 1 as first_of_bin
    from series
    where is_low_dose and not is_localizer
)

select
    first_of_bin as instances_from,
    first_of_bin + 49 as instances_to,
    count(*) as series
from bins
group by first_of_bin
order by first_of_bin
