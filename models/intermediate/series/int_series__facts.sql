with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

sop_classes as (
    select * from {{ ref('sop_class') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

needed_values as (
    select
        series_key,
        max(value) filter (where attribute = 'Modality') as modality,
        max(value) filter (where attribute = 'Manufacturer') as manufacturer,
        max(value) filter (where attribute = 'ImageType') as image_type,
        coalesce(bool_or(attribute = 'Rows'), false) as has_rows
    from collapsed_values
    where attribute in ('Modality', 'Manufacturer', 'ImageType', 'Rows') and value is not null
    group by series_key
),

counted as (
    select
        headers.series_key,
        sum(headers.number_of_instances)::bigint as number_of_instances,
        sum(headers.number_of_frames)::bigint as number_of_frames,
        sum(headers.file_size) as file_size,
        -- A class that the seed does not know, a private one say, is judged by its pixel rows.
        bool_or(coalesce(sop_classes.holds_images, needed_values.has_rows, false)) as holds_images
    from headers
    left join sop_classes on headers.sop_class_uid = sop_classes.sop_class_uid
    left join needed_values on headers.series_key = needed_values.series_key
    group by headers.series_key
)

select
    series_states.series_key,
    series_states.study_instance_uid,
    series_states.series_instance_uid,
    counted.number_of_instances,
    counted.number_of_frames,
    counted.file_size,
    counted.holds_images,
    needed_values.modality,
    needed_values.manufacturer,
    -- Value 3 of ImageType names localizers (PS3.3 C.8.2.1.1.1); screen saves say so in any later value.
    counted.holds_images
    and coalesce(needed_values.image_type !~* '(^|\\)\s*(LOCALIZER|SCREEN[ _]SAVE)\s*(\\|$)', true) as votes
from series_states
inner join counted on series_states.series_key = counted.series_key
left join needed_values on series_states.series_key = needed_values.series_key
