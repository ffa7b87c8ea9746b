with

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

annotation_values as (
    select * from {{ ref('int_annotation__rows_identified') }}
),

volumes as (
    select
        annotations.annotation_group_id,
        annotations.series_key,
        annotations.tracking_uid,
        annotations.annotator_key,
        annotation_values.imaging_annotation_id,
        annotation_values.value_as_number,
        annotation_values.origin
    from annotation_values
    inner join annotations on annotation_values.annotation_input = annotations.id_input
    where annotation_values.attribute in ('Volume', 'ROIVolume') and annotation_values.value_as_number is not null
),

stated as (
    select * from volumes
    where origin = 'stated'
),

measured as (
    select * from volumes
    where origin = 'measured'
),

-- Of the same annotation, or of the same lesion on the same series by the same reader, who may be unknown; of several
-- the nearest.
pairs as (
    select distinct on (stated.imaging_annotation_id)
        stated.imaging_annotation_id,
        stated.value_as_number as stated_volume,
        measured.value_as_number as measured_volume
    from stated
    inner join measured
        on
            stated.annotation_group_id = measured.annotation_group_id
            or (
                stated.tracking_uid = measured.tracking_uid
                and stated.series_key = measured.series_key
                and (stated.annotator_key is not distinct from measured.annotator_key)
            )
    order by stated.imaging_annotation_id, abs(stated.value_as_number - measured.value_as_number)
)

select
    imaging_annotation_id::text as record_key,
    round(stated_volume, 3) || ' mm3, measured ' || round(measured_volume, 3) as observed,
    abs(stated_volume - measured_volume) > 0.1 * measured_volume as is_violation
from pairs
