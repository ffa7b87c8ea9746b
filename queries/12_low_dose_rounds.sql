-- Question: How many rounds of low-dose CT did each person have, and how regular were they?
-- Answers:  One row per person: days with a low-dose CT, and the days between first and last, on average and at most.
-- Change:   having count(*) for persons with several rounds only.
with

rounds as (
    select distinct
        studies.person_id,
        studies.study_date
    from icdm.imaging_study as studies
    inner join icdm_analysis.imaging_series_wide as series on studies.imaging_study_id = series.imaging_study_id
    where
        series.modality = 'CT'
        and series.low_dose = 'YES'
        and studies.person_id is not null
        and studies.study_date is not null
),

gaps as (
    select
        person_id,
        study_date,
        study_date - lag(study_date) over (partition by person_id order by study_date) as days_since_last
    from rounds
)

select
    person_id,
    count(*) as rounds,
    min(study_date) as first_round,
    max(study_date) as last_round,
    round(avg(days_since_last)) as mean_days_between,
    max(days_since_last) as most_days_between
from gaps
group by person_id
order by rounds desc, person_id;
