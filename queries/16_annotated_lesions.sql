-- Question: How large are the annotated lesions, and how did they change?
-- Answers:  One row per lesion: its long axis in mm and its volume in mm3, the earlier study first; none where nothing
--           is annotated.
-- Change:   annotation_source_value; where annotation_group_id is tracked over studies, lag() gives the growth.
select
    person_id,
    annotation_group_id,
    imaging_study_id,
    min(annotation_date) as annotated_on,
    min(annotation_system) as annotation_system,
    max(value_as_number) filter (where annotation_source_value = 'LongAxis') as long_axis_mm,
    max(value_as_number) filter (where annotation_source_value = 'Volume') as volume_mm3
from icdm.imaging_annotation
group by person_id, annotation_group_id, imaging_study_id
order by person_id, annotated_on, annotation_group_id;
