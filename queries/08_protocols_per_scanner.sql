-- Question: Which protocols did each scanner use, since when, until when, and how often?
-- Answers:  One row per maker, model and protocol.
-- Change:   modality; with scanning_sequence or convolution_kernel in place of protocol_name it is the technique.
select
    series.manufacturer,
    series.manufacturer_model_name,
    series.protocol_name,
    min(studies.study_date) as first_used,
    max(studies.study_date) as last_used,
    count(distinct series.imaging_study_id) as studies,
    count(*) as series
from icdm_analysis.imaging_series_wide as series
inner join icdm.imaging_study as studies on series.imaging_study_id = studies.imaging_study_id
where series.modality in ('CT', 'MR') and series.protocol_name is not null
group by series.manufacturer, series.manufacturer_model_name, series.protocol_name
order by studies desc, series.manufacturer, series.manufacturer_model_name, series.protocol_name;
