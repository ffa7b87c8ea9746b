with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
)

select
    imaging_annotation_id::text as record_key,
    value_source_value as observed,
    value_as_number is null or value_as_number = 'NaN' as is_violation
from annotation_rows
where annotation_source_value = 'LongAxis'
