with

annotated_images as (
    select * from {{ ref('stg_annotation__images') }}
),

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

instances as (
    select
        sop_instance_uid,
        series_key
    from {{ ref('int_series__instances_published') }}
)

select
    annotations.annotation_group_id,
    annotations.series_key,
    count(*) as number_of_images,
    count(*) filter (where instances.series_key <> annotations.series_key) as images_elsewhere,
    count(*) filter (where instances.series_key is null) as images_unknown
from annotated_images
inner join annotations
    on
        annotated_images.folder_key = annotations.folder_key
        and annotated_images.file_name = annotations.file_name
        and annotated_images.annotation_number = annotations.annotation_number
left join instances on annotated_images.sop_instance_uid = instances.sop_instance_uid
group by annotations.annotation_group_id, annotations.series_key
