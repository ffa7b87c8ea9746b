-- Question: Which patients have both a chest CT and a brain MR, and how many days lie between the nearest two?
-- Answers:  One row per patient, with the pair of studies that lie closest together.
-- Change:   Modality and region of either side; days_apart in a where clause for a limit.
with

regions as (
    select distinct
        studies.person_id,
        studies.imaging_study_id,
        studies.study_date,
        studies.modality_source_value as modality,
        series.value_source_value as region
    from icdm.imaging_study as studies
    inner join icdm.imaging_series as series on studies.imaging_study_id = series.imaging_study_id
    where
        series.series_source_value like 'AnatomicRegion[%'
        and studies.person_id is not null
        and studies.study_date is not null
)

select distinct on (ct.person_id)
    ct.person_id,
    ct.imaging_study_id as ct_study_id,
    ct.study_date as ct_date,
    mr.imaging_study_id as mr_study_id,
    mr.study_date as mr_date,
    mr.study_date - ct.study_date as days_apart
from regions as ct
inner join regions as mr on ct.person_id = mr.person_id
where ct.modality = 'CT' and ct.region = 'CHEST' and mr.modality = 'MR' and mr.region in ('BRAIN', 'HEAD')
order by ct.person_id, abs(mr.study_date - ct.study_date), ct.study_date, ct.imaging_study_id, mr.imaging_study_id;
