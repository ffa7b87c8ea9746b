-- Question: How long after the diagnosis was the first CT?
-- Answers:  One row per member of the cohort, NULL where no CT follows; a CT of the day itself counts as 0 days.
-- Change:   modality_source_value, or cohort for another start than the diagnosis.
select
    cohort.subject_id as person_id,
    cohort.cohort_start_date as diagnosed_on,
    first_ct.imaging_study_id,
    first_ct.study_date,
    first_ct.study_date - cohort.cohort_start_date as days_after_diagnosis
from icdm_analysis.cohort
left join lateral (
    select
        imaging_study.imaging_study_id,
        imaging_study.study_date
    from icdm.imaging_study
    where
        imaging_study.person_id = cohort.subject_id
        and imaging_study.modality_source_value = 'CT'
        and imaging_study.study_date >= cohort.cohort_start_date
    order by imaging_study.study_date, imaging_study.study_datetime, imaging_study.imaging_study_id
    limit 1
) as first_ct on true
order by days_after_diagnosis, person_id;
