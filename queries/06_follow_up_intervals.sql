-- Question: How many days lie between one CT of a patient and the next?
-- Answers:  One row per number of the interval (1: first to second CT) with quartiles; several CT of a day are one.
-- Change:   modality_source_value; group by the year of study_date to see whether intervals became shorter.
with

days as (
    select distinct
        person_id,
        study_date
    from icdm.imaging_study
    where modality_source_value = 'CT' and person_id is not null and study_date is not null
),

intervals as (
    select
        person_id,
        row_number() over (partition by person_id order by study_date) - 1 as interval_number,
        study_date - lag(study_date) over (partition by person_id order by study_date) as interval_days
    from days
)

select
    interval_number,
    count(*) as patients,
    percentile_cont(0.25) within group (order by interval_days) as lower_quartile,
    percentile_cont(0.5) within group (order by interval_days) as median,
    percentile_cont(0.75) within group (order by interval_days) as upper_quartile
from intervals
where interval_days is not null
group by interval_number
order by interval_number;
