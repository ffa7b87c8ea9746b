-- Question: How fine are the pixels of each modality?
-- Answers:  One row per modality and step of 0.1 mm in the distance of rows, from from_mm up to below_mm.
-- Change:   pixel_spacing_1 for imager_pixel_spacing_1 in radiography, which measures at the detector; the step.
select
    modality,
    round(floor(pixel_spacing_1 * 10) / 10, 1) as from_mm,
    round(floor(pixel_spacing_1 * 10) / 10, 1) + 0.1 as below_mm,
    count(*) as series,
    round(100.0 * count(*) / sum(count(*)) over (partition by modality), 1) as percent_of_modality
from icdm_analysis.imaging_series_wide
where pixel_spacing_1 > 0 and modality is not null
group by modality, floor(pixel_spacing_1 * 10)
order by modality, from_mm;
