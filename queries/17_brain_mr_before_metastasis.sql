-- Question: Which patients had a brain MR before the first record of a brain metastasis, and when was the last one?
-- Answers:  One row per patient with a metastasis; NULL where no MR came before.
-- Change:   brain_metastasis for any table of person_id and a day.
select
    metastasis.person_id,
    metastasis.first_recorded_on,
    count(mr.imaging_study_id) as brain_mr_before,
    max(mr.study_date) as last_brain_mr,
    metastasis.first_recorded_on - max(mr.study_date) as days_before
from icdm_analysis.brain_metastasis as metastasis
left join icdm_analysis.cohort_study as mr
    on
        metastasis.person_id = mr.person_id
        and mr.image_scope = 'brain_mri'
        and metastasis.first_recorded_on > mr.study_date
group by metastasis.person_id, metastasis.first_recorded_on
order by metastasis.person_id;
