with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
)

select
    imaging_annotation_id::text as record_key,
    length(regexp_replace(coalesce(value_source_value, ''), '\s', '', 'g')) || ' characters' as observed,
    coalesce(value_source_value, '') !~ '\S' as is_violation
from annotation_rows
where annotation_source_value = 'AnnotationText'
