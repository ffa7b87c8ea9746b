-- Question: Which CT series are fit for a 3D model: axial, thin, and without a missing or doubled slice?
-- Answers:  One row per series whose images stack into one regular volume, with its spacing in mm.
-- Change:   The limits; a volume that is not regular has its reason in the column verdict of volume_geometry.
select
    series.person_id,
    series.imaging_study_id,
    series.unique_series_id,
    series.series_folder_name,
    geometry.number_of_positions as slices,
    geometry.median_spacing as slice_distance,
    series.pixel_spacing_1 as row_distance,
    series.pixel_spacing_2 as column_distance,
    series.convolution_kernel
from icdm_quality.volume_geometry as geometry
inner join icdm.imaging_study as studies on geometry.study_instance_uid = studies.study_instance_uid
inner join icdm_analysis.imaging_series_wide as series
    on
        studies.imaging_study_id = series.imaging_study_id
        and geometry.series_instance_uid = series.unique_series_id
where
    geometry.verdict = 'regular'
    and geometry.stack_number = 1
    and geometry.number_of_volumes = 1
    and geometry.number_of_positions >= 10
    and series.modality = 'CT'
    and series.plane = 'AXIAL'
    and series.slice_thickness <= 3
order by slices desc, series.imaging_study_id, series.unique_series_id;
