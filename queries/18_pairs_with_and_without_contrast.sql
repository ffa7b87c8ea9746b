-- Question: Which studies have the same T1-weighted brain MR with and without contrast agent, as models need it?
-- Answers:  One row per pair of series of one study that agree in plane and slice thickness.
-- Change:   weighting; ask for pixel_spacing_1 and frame_of_reference_uid to agree where images are to be subtracted.
select
    native.person_id,
    native.imaging_study_id,
    native.plane,
    native.slice_thickness,
    native.unique_series_id as native_series_id,
    enhanced.unique_series_id as enhanced_series_id,
    enhanced.frame_of_reference_uid = native.frame_of_reference_uid as share_their_frame
from icdm_analysis.imaging_series_wide as native
inner join icdm_analysis.imaging_series_wide as enhanced
    on
        native.imaging_study_id = enhanced.imaging_study_id
        and native.plane = enhanced.plane
        and native.slice_thickness = enhanced.slice_thickness
where
    native.modality = 'MR'
    and enhanced.modality = 'MR'
    and native.weighting = 'T1'
    and enhanced.weighting = 'T1'
    and enhanced.contrast_enhanced = 'YES'
    and coalesce(native.contrast_enhanced, 'NO') = 'NO'
order by native.imaging_study_id, native.unique_series_id, enhanced.unique_series_id;
