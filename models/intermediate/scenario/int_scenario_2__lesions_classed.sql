with

lesions as (
    select * from {{ ref('annotated_lesion') }}
),

concepts as (
    select * from {{ ref('int_cohort__concepts_expanded') }}
    where concept_set in ('ground_glass_nodule', 'solid_part', 'solid_nodule')
),

-- What somebody wrote of the lesion is closer to it than the code, which is often a nodule in general.
classed as (
    select
        lesions.*,
        coalesce(text_concepts.concept_set, finding_concepts.concept_set) as kind
    from lesions
    left join concepts as text_concepts on lesions.text_concept_id = text_concepts.concept_id
    left join concepts as finding_concepts on lesions.finding_concept_id = finding_concepts.concept_id
),

-- One reader may have a lesion in several files, as the report on a segmentation: it counts once, with its volume.
once as (
    select distinct on (
        imaging_study_id, unique_series_id, reader_set, kind, coalesce(tracking_uid, annotation_group_id::text)
    ) *
    from classed
    where kind is not null
    order by
        imaging_study_id,
        unique_series_id,
        reader_set,
        kind,
        coalesce(tracking_uid, annotation_group_id::text),
        volume_mm3 is null,
        bounding_box is null,
        annotation_group_id
),

-- Reports and tables seldom say where a lesion lies; another annotation of the same lesion on the same series does.
places as (
    select distinct on (imaging_study_id, unique_series_id, tracking_uid)
        imaging_study_id,
        unique_series_id,
        tracking_uid,
        centroid,
        bounding_box
    from classed
    where tracking_uid is not null and centroid is not null and bounding_box is not null
    order by imaging_study_id, unique_series_id, tracking_uid, annotation_group_id
),

-- Six numbers: the smallest x, y and z, then the largest.
located as (
    select
        once.*,
        {{ numbers_of('coalesce(once.centroid, places.centroid)') }} as place,
        {{ numbers_of('coalesce(once.bounding_box, places.bounding_box)') }} as box
    from once
    left join places
        on
            once.imaging_study_id = places.imaging_study_id
            and once.unique_series_id = places.unique_series_id
            and once.tracking_uid = places.tracking_uid
)

select
    annotation_group_id,
    kind,
    person_id,
    imaging_study_id,
    unique_series_id,
    reader_set,
    tracking_uid,
    tracking_id,
    volume_mm3,
    place[1] as x,
    place[2] as y,
    place[3] as z,
    box[1] as x_from,
    box[2] as y_from,
    box[3] as z_from,
    box[4] as x_to,
    box[5] as y_to,
    box[6] as z_to
from located
