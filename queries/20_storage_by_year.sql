-- Question: How much storage do the images take, by year and modality?
-- Answers:  One row per year (NULL: undated) and modality; of an image that is there several times one file counts.
-- Change:   Group by manufacturer, or join cohort_study to know what a cohort takes before copying it.
select
    extract(year from studies.study_date)::integer as study_year,
    studies.modality_source_value as modality,
    count(*) as studies,
    sum(studies.number_of_series) as series,
    sum(studies.number_of_instance) as images,
    round(sum(filepath.file_size) / 1e6, 1) as size_in_mb
from icdm.imaging_study as studies
inner join icdm.filepath on studies.filepath_id = filepath.filepath_id
group by study_year, studies.modality_source_value
order by study_year, modality;
