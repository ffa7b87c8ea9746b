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

-- Six numbers: the smallest x, y and z, then the largest.
located as (
    select
        annotation_group_id,
        {{ numbers_of('centroid') }} as centroid,
        {{ numbers_of('bounding_box') }} as bounding_box
    from classed
    where kind is not null
)

select
    classed.annotation_group_id,
    classed.kind,
    classed.person_id,
    classed.imaging_study_id,
    classed.unique_series_id,
    classed.reader_set,
    classed.tracking_uid,
    classed.tracking_id,
    classed.volume_mm3,
    located.centroid[1] as x,
    located.centroid[2] as y,
    located.centroid[3] as z,
    located.bounding_box[1] as x_from,
    located.bounding_box[2] as y_from,
    located.bounding_box[3] as z_from,
    located.bounding_box[4] as x_to,
    located.bounding_box[5] as y_to,
    located.bounding_box[6] as z_to
from classed
inner join located on classed.annotation_group_id = located.annotation_group_id
