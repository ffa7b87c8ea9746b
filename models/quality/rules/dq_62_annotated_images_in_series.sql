with

images_counted as (
    select * from {{ ref('int_annotation__images_counted') }}
)

select
    annotation_group_id::text as record_key,
    images_elsewhere || ' in another series, ' || images_unknown || ' not scanned, of ' || number_of_images
        as observed,
    images_elsewhere + images_unknown > 0 as is_violation
from images_counted
where series_key is not null
