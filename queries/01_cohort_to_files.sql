-- Question: Which chest CT series do the members of the cohort have, where do they lie, and how large are they?
-- Answers:  One row per series, localizers left out, with the folder that `icdm-extract organise` gives it.
-- Change:   image_scope (chest_xray, chest_ct, brain_mri), or cohort_study for imaging_study to take everybody.
select
    cohort_study.person_id,
    cohort_study.study_date,
    series.series_number,
    series.series_folder_name,
    series.number_of_instances,
    filepath.filepath,
    round(filepath.file_size / 1e6, 1) as size_in_mb
from icdm_analysis.cohort_study
inner join icdm_analysis.imaging_series_wide as series on cohort_study.imaging_study_id = series.imaging_study_id
inner join icdm.filepath on series.filepath_id = filepath.filepath_id
where
    cohort_study.image_scope = 'chest_ct'
    and series.modality = 'CT'
    and series.localizer is null
order by cohort_study.person_id, cohort_study.study_date, series.series_number;
