{{
    config(
        unique_key='imaging_annotation_id',
        indexes=[{'columns': ['annotation_group_id']}, {'columns': ['imaging_study_id']}]
    )
}}

with

annotation_rows as (
    select * from {{ ref('int_annotation__rows_identified') }}
),

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

filepaths as (
    select * from {{ ref('int_filepath__rows_identified') }}
    where kind = 'annotation'
)

-- Study and person are those of the annotated images; an annotation of unknown ones stays, without them.
select
    annotation_rows.imaging_annotation_id,
    studies.person_id,
    studies.imaging_study_id,
    annotations.series_instance_uid as unique_series_id,
    filepaths.filepath_id,
    annotations.annotated_at::date as annotation_date,
    annotations.annotated_at as annotation_datetime,
    annotations.annotation_system,
    annotation_rows.annotation_group_id,
    annotation_rows.attribute_concept_id::integer as annotation_concept_id,
    annotation_rows.attribute as annotation_source_value,
    annotation_rows.value_as_number,
    annotation_rows.value_as_concept_id::integer as value_as_concept_id,
    annotation_rows.value as value_source_value,
    annotation_rows.unit_concept_id::integer as unit_concept_id,
    annotation_rows.unit_source_value,
    annotations.plane_concept_id::integer as plane_concept_id,
    annotations.anatomic_site_concept_id::integer as anatomic_site_concept_id,
    annotations.annotation_type_concept_id::integer as annotation_type_concept_id,
    annotations.algorithm_name,
    annotations.annotator_key
from annotation_rows
inner join annotations on annotation_rows.annotation_input = annotations.id_input
inner join filepaths on annotations.file_input = filepaths.id_input
left join studies on annotations.study_instance_uid = studies.study_instance_uid
where
    '{{ var("attribute_profile") }}' = 'extended'
    or annotation_rows.profile = '{{ var("attribute_profile") }}'
