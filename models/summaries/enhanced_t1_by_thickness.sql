with

series as (
    select * from {{ ref('scenario_4_series') }}
)

select
    slice_thickness_mm,
    age_at_diagnosis / 10 * 10 as age_from,
    count(*) as series,
    count(distinct person_id) as patients
from series
where is_enhanced_t1
group by slice_thickness_mm, age_at_diagnosis / 10 * 10
order by slice_thickness_mm, age_from
