-- Question: Which files make up the low-dose CT series of the cohort, as a list for a program to read?
-- Answers:  One row per image, in the order of the images; paths of archives go on behind `.zip!`.
-- Change:   scenario_3_series for any relation of series; `icdm-extract organise --manifest-only --from` writes such a
--           list as CSV and Parquet.
select
    files.person_id,
    files.imaging_study_id,
    files.unique_series_id,
    files.instance_number,
    files.sop_instance_uid,
    files.folder_path || '/' || files.file_name as file_path,
    files.file_size
from icdm_analysis.scenario_3_series as chosen
inner join icdm_analysis.series_file as files
    on
        chosen.imaging_study_id = files.imaging_study_id
        and chosen.unique_series_id = files.unique_series_id
where chosen.is_low_dose and not chosen.is_localizer
order by files.person_id, files.imaging_study_id, files.unique_series_id, files.instance_number, files.sop_instance_uid;
