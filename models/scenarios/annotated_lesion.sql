with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

-- What is said of the lesion as a whole stands in each of its rows. Of several values the largest: a long axis is the
-- longest by definition.
pivoted as (
    select
        annotation_group_id,
        person_id,
        imaging_study_id,
        unique_series_id,
        filepath_id,
        annotation_datetime,
        annotation_system,
        algorithm_name,
        annotator_key,
        annotation_type_concept_id,
        anatomic_site_concept_id,
        min(value_source_value) filter (where annotation_source_value = 'AnnotationText') as annotation_text,
        max(value_as_concept_id) filter (where annotation_source_value = 'AnnotationText') as text_concept_id,
        max(value_as_concept_id) filter (where annotation_source_value = 'Finding') as finding_concept_id,
        min(value_source_value) filter (where annotation_source_value = 'TrackingUID') as tracking_uid,
        min(value_source_value) filter (where annotation_source_value = 'TrackingID') as tracking_id,
        max(value_as_number) filter (where annotation_source_value = 'Volume') as volume_mm3,
        max(value_as_number) filter (where annotation_source_value = 'LongAxis') as long_axis_mm,
        max(value_as_number) filter (where annotation_source_value = 'SurfaceArea') as surface_area_mm2,
        min(value_source_value) filter (where annotation_source_value = 'Centroid') as centroid,
        min(value_source_value) filter (where annotation_source_value = 'BoundingBox') as bounding_box
    from annotation_rows
    group by
        annotation_group_id,
        person_id,
        imaging_study_id,
        unique_series_id,
        filepath_id,
        annotation_datetime,
        annotation_system,
        algorithm_name,
        annotator_key,
        annotation_type_concept_id,
        anatomic_site_concept_id
)

select
    pivoted.annotation_group_id,
    pivoted.person_id,
    pivoted.imaging_study_id,
    studies.study_date,
    pivoted.unique_series_id,
    pivoted.filepath_id,
    pivoted.annotation_datetime,
    pivoted.annotation_system
    || coalesce(', algorithm ' || pivoted.algorithm_name, '')
    || coalesce(', reader ' || left(pivoted.annotator_key, 12), '') as reader_set,
    pivoted.annotation_system,
    pivoted.algorithm_name,
    pivoted.annotator_key,
    pivoted.annotation_type_concept_id,
    pivoted.anatomic_site_concept_id,
    pivoted.annotation_text,
    coalesce(pivoted.text_concept_id, 0) as text_concept_id,
    coalesce(pivoted.finding_concept_id, 0) as finding_concept_id,
    pivoted.tracking_uid,
    pivoted.tracking_id,
    pivoted.volume_mm3,
    pivoted.long_axis_mm,
    pivoted.surface_area_mm2,
    pivoted.centroid,
    pivoted.bounding_box
from pivoted
left join studies on pivoted.imaging_study_id = studies.imaging_study_id
