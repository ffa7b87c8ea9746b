-- Question: How many CT series were made with contrast agent, and how many without, by region of the body?
-- Answers:  One row per region; a series whose header and description do not say is counted as not stated.
-- Change:   modality; anatomic_region_1 is the first of up to six regions of a series.
select
    coalesce(anatomic_region_1, 'unknown') as region,
    count(*) as series,
    count(*) filter (where contrast_enhanced = 'YES') as with_contrast,
    count(*) filter (where contrast_enhanced = 'NO') as without_contrast,
    count(*) filter (where contrast_enhanced is null) as not_stated
from icdm_analysis.imaging_series_wide
where modality = 'CT' and localizer is null
group by coalesce(anatomic_region_1, 'unknown')
order by series desc, region;
