with

files as (
    select * from {{ ref('int_annotation__files_identified') }}
    where left_out_because is null
),

annotations as (
    select * from {{ ref('stg_annotation__annotations') }}
),

annotated_images as (
    select * from {{ ref('stg_annotation__images') }}
),

instances as (
    select
        sop_instance_uid,
        series_key
    from {{ ref('int_series__instances_published') }}
),

series as (
    select * from {{ ref('int_series__facts') }}
),

-- What the file says of the annotated images.
stated as (
    select
        annotations.folder_key,
        annotations.file_name,
        annotations.annotation_number,
        annotations.study_instance_uid,
        annotations.series_instance_uid,
        files.study_instance_uid as study_of_file
    from annotations
    inner join files on annotations.folder_key = files.folder_key and annotations.file_name = files.file_name
),

images_found as (
    select
        annotated_images.folder_key,
        annotated_images.file_name,
        annotated_images.annotation_number,
        instances.series_key,
        count(*) as number_of_images
    from annotated_images
    inner join instances on annotated_images.sop_instance_uid = instances.sop_instance_uid
    group by
        annotated_images.folder_key,
        annotated_images.file_name,
        annotated_images.annotation_number,
        instances.series_key
),

candidates as (
    select
        stated.folder_key,
        stated.file_name,
        stated.annotation_number,
        series.series_key
    from stated
    inner join series on stated.series_instance_uid = series.series_instance_uid
    union
    select
        folder_key,
        file_name,
        annotation_number,
        series_key
    from images_found
),

-- The stated series goes before that of the images, since one image may have been copied into another series. Where one
-- series UID stands in several studies: the stated study, then the images, then the study that the file itself is of.
ranked as (
    select
        candidates.folder_key,
        candidates.file_name,
        candidates.annotation_number,
        candidates.series_key,
        series.study_instance_uid,
        series.series_instance_uid,
        rank() over (
            partition by candidates.folder_key, candidates.file_name, candidates.annotation_number
            order by
                coalesce(series.series_instance_uid = stated.series_instance_uid, false) desc,
                coalesce(series.study_instance_uid = stated.study_instance_uid, false) desc,
                coalesce(images_found.number_of_images, 0) desc,
                coalesce(series.study_instance_uid = stated.study_of_file, false) desc
        ) as candidate_rank
    from candidates
    inner join series on candidates.series_key = series.series_key
    inner join stated
        on
            candidates.folder_key = stated.folder_key
            and candidates.file_name = stated.file_name
            and candidates.annotation_number = stated.annotation_number
    left join images_found
        on
            candidates.folder_key = images_found.folder_key
            and candidates.file_name = images_found.file_name
            and candidates.annotation_number = images_found.annotation_number
            and candidates.series_key = images_found.series_key
),

-- Several that fit equally well are none; their study is known where it is one.
first_candidates as (
    select
        folder_key,
        file_name,
        annotation_number,
        count(*) as number_of_candidates,
        case when count(*) = 1 then min(series_key) end as series_key,
        case when count(*) = 1 then min(series_instance_uid) end as series_instance_uid,
        case when count(distinct study_instance_uid) = 1 then min(study_instance_uid) end as study_instance_uid
    from ranked
    where candidate_rank = 1
    group by folder_key, file_name, annotation_number
),

known_studies as (
    select distinct study_instance_uid from series
)

select
    stated.folder_key,
    stated.file_name,
    stated.annotation_number,
    first_candidates.series_key,
    coalesce(first_candidates.series_instance_uid, stated.series_instance_uid) as series_instance_uid,
    coalesce(first_candidates.study_instance_uid, known_studies.study_instance_uid) as study_instance_uid,
    case
        when first_candidates.series_key is not null then null
        when first_candidates.number_of_candidates > 1 then 'several series fit'
        when stated.series_instance_uid is not null then 'the series is not scanned'
        else 'neither a series nor a scanned image is named'
    end as unknown_because
from stated
left join first_candidates
    on
        stated.folder_key = first_candidates.folder_key
        and stated.file_name = first_candidates.file_name
        and stated.annotation_number = first_candidates.annotation_number
left join known_studies
    on stated.study_instance_uid = known_studies.study_instance_uid and first_candidates.folder_key is null
