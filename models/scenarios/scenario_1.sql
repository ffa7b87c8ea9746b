with

readings as (
    select * from {{ ref('int_scenario_1__readings') }}
),

group_readings as (
    select
        hypertension_readings.hypertension,
        count_readings.counted,
        patient_groups.has_hypertension
    from (values ('ever'), ('before the first osimertinib')) as hypertension_readings (hypertension)
    cross join (values ('all follow-up'), ('per person-year')) as count_readings (counted)
    cross join (values (true), (false)) as patient_groups (has_hypertension)
)

select
    group_readings.counted,
    group_readings.hypertension,
    group_readings.has_hypertension,
    count(readings.value) as patients,
    count(*) filter (where readings.ct_studies = 0) as patients_without_ct,
    coalesce(sum(readings.ct_studies), 0)::bigint as ct_studies,
    round(sum(readings.person_years), 2) as person_years,
    round(sum(readings.ct_studies) / nullif(sum(readings.person_years), 0), 4) as pooled_rate,
    round(avg(readings.value), 4) as mean,
    round(stddev_samp(readings.value), 4) as standard_deviation,
    round(min(readings.value), 4) as smallest,
    round(percentile_cont(0.5) within group (order by readings.value)::numeric, 4) as median,
    round(max(readings.value), 4) as largest
from group_readings
left join readings
    on
        group_readings.hypertension = readings.hypertension
        and group_readings.counted = readings.counted
        and group_readings.has_hypertension = readings.has_hypertension
group by group_readings.counted, group_readings.hypertension, group_readings.has_hypertension
order by group_readings.counted, group_readings.hypertension desc, group_readings.has_hypertension desc
