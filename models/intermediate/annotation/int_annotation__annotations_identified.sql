with

annotations as (
    select * from {{ ref('stg_annotation__annotations') }}
),

files as (
    select * from {{ ref('int_annotation__files_identified') }}
    where left_out_because is null
),

resolved as (
    select * from {{ ref('int_annotation__series_resolved') }}
),

terms as (
    select * from {{ ref('int_annotation__terms_mapped') }}
    where scope = 'what'
),

orientations as (
    select * from {{ ref('int_characteristic__orientations_read') }}
),

series_planes as (
    select * from {{ ref('int_characteristic__decided') }}
    where characteristic = 'Plane'
),

planes as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute = 'Plane'
),

generations as (
    select * from {{ ref('annotation_label') }}
    where kind = 'generation'
),

id_salts as (
    select * from {{ ref('id_salt') }}
    where kind = 'annotation_group'
),

-- An annotation without an orientation of its own was drawn in the plane of its images.
described as (
    select
        annotations.*,
        files.file_input,
        files.file_input || '|' || annotations.annotation_number as id_input,
        files.form,
        resolved.series_key,
        resolved.study_instance_uid as published_study_instance_uid,
        resolved.series_instance_uid as published_series_instance_uid,
        resolved.unknown_because,
        coalesce(orientations.plane, series_planes.value) as plane
    from annotations
    inner join files on annotations.folder_key = files.folder_key and annotations.file_name = files.file_name
    inner join resolved
        on
            annotations.folder_key = resolved.folder_key
            and annotations.file_name = resolved.file_name
            and annotations.annotation_number = resolved.annotation_number
    left join orientations on annotations.image_orientation_patient = orientations.orientation_text
    left join series_planes on resolved.series_key = series_planes.series_key
)

select
    {{ icdm_id('annotation_group', 'described.id_input', 'id_salts.salt') }} as annotation_group_id,
    described.id_input,
    described.folder_key,
    described.file_name,
    described.annotation_number,
    described.file_input,
    described.form,
    described.label,
    described.finding_code,
    described.category_code,
    described.site_code,
    described.laterality_code,
    described.tracking_id,
    described.tracking_uid,
    described.frame_of_reference_uid,
    described.series_key,
    described.published_study_instance_uid as study_instance_uid,
    described.published_series_instance_uid as series_instance_uid,
    described.unknown_because,
    described.annotated_at,
    coalesce(described.annotation_system, described.form) as annotation_system,
    described.algorithm_name,
    described.annotator_key,
    described.plane,
    coalesce(planes.concept_id, 0) as plane_concept_id,
    coalesce(
        nullif(sites.concept_id, 0),
        case when findings.domain_id = 'Spec Anatomic Site' then findings.concept_id end,
        case when labels.domain_id = 'Spec Anatomic Site' then labels.concept_id end,
        0
    ) as anatomic_site_concept_id,
    coalesce(generations.concept_id, 0) as annotation_type_concept_id,
    described.problem
from described
left join planes on described.plane = planes.source_value
left join terms as sites on described.site_code = sites.term
left join terms as findings on described.finding_code = findings.term
left join terms as labels on described.label = labels.term
left join generations on described.generation = generations.source_value
left join id_salts on described.id_input = id_salts.id_input
