-- Question: How did voltage, tube current and exposure of CT change over the years, with and without low dose?
-- Answers:  One row per year and kind. A series stands for the median of its images; ctdivol, in mGy, is often absent.
-- Change:   The aggregated columns, or group by manufacturer_model_name to compare scanners.
select
    extract(year from studies.study_date)::integer as study_year,
    coalesce(series.low_dose, 'not stated') as low_dose,
    count(*) as series,
    percentile_cont(0.5) within group (order by series.kvp) as median_kv,
    percentile_cont(0.5) within group (order by series.x_ray_tube_current) as median_ma,
    percentile_cont(0.5) within group (order by series.exposure) as median_mas,
    percentile_cont(0.5) within group (order by series.ctdivol) as median_ctdivol
from icdm_analysis.imaging_series_wide as series
inner join icdm.imaging_study as studies on series.imaging_study_id = studies.imaging_study_id
where series.modality = 'CT' and series.localizer is null and studies.study_date is not null
group by study_year, coalesce(series.low_dose, 'not stated')
order by study_year, low_dose;
