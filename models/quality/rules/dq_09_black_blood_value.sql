with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_series_id::text as record_key,
    value_source_value || ' (' || coalesce(value_as_concept_id::text, 'no concept') || ')' as observed,
    coalesce(value_as_concept_id not in (45884084, 45878583), true) as is_violation
from series_rows
where series_source_value = 'BlackBlood'
