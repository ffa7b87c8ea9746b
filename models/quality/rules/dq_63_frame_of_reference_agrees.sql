with

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

series_frames as (
    select
        series_key,
        coalesce(all_values, value) as frames_of_reference
    from {{ ref('int_series__values_collapsed') }}
    where attribute = 'FrameOfReferenceUID' and value is not null
)

select
    annotations.annotation_group_id::text as record_key,
    annotations.frame_of_reference_uid || ', series ' || series_frames.frames_of_reference as observed,
    annotations.frame_of_reference_uid <> all(string_to_array(series_frames.frames_of_reference, '\'))
        as is_violation
from annotations
inner join series_frames on annotations.series_key = series_frames.series_key
where annotations.frame_of_reference_uid is not null
