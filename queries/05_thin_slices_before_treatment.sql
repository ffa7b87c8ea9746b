-- Question: Which thin CT series were made in the 90 days before a treatment began?
-- Answers:  One row per series of 1.5 mm or less, with the days left to the first osimertinib.
-- Change:   events: surgery is procedure_occurrence with the concepts of the operation; the days; the thickness in mm.
with

events as (
    select
        drug_exposure.person_id,
        min(drug_exposure.drug_exposure_start_date) as event_date
    from demo_cdm.drug_exposure
    inner join icdm_vocabulary.concept_set on drug_exposure.drug_concept_id = concept_set.concept_id
    where concept_set.concept_set = 'osimertinib'
    group by drug_exposure.person_id
)

select
    events.person_id,
    events.event_date,
    events.event_date - studies.study_date as days_before,
    series.slice_thickness,
    series.convolution_kernel,
    series.series_folder_name,
    series.imaging_study_id,
    series.unique_series_id
from events
inner join icdm.imaging_study as studies
    on
        events.person_id = studies.person_id
        and studies.study_date between events.event_date - 90 and events.event_date
inner join icdm_analysis.imaging_series_wide as series on studies.imaging_study_id = series.imaging_study_id
where series.modality = 'CT' and series.slice_thickness <= 1.5 and series.localizer is null
order by events.person_id, days_before, series.slice_thickness;
