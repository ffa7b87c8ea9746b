with

series_values as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_study_id,
    unique_series_id,
    coalesce(
        max({{ normalised('value_source_value') }}) filter (where series_source_value = 'Modality'), 'unknown'
    ) as modality
from series_values
group by imaging_study_id, unique_series_id
