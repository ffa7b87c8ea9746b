with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_series_id::text as record_key,
    value_source_value as observed,
    coalesce(value_as_concept_id, 0) = 0 as is_violation
from series_rows
where series_source_value = 'BodyPartExamined'
