with

series_rows as (
    select * from {{ ref('imaging_series') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
)

select
    series_rows.imaging_series_id::text as record_key,
    case
        when studies.imaging_study_id is null
            then 'study ' || coalesce(series_rows.imaging_study_id::text, 'missing,') || ' unknown'
        when (series_rows.person_id is distinct from studies.person_id)
            then
                'person ' || coalesce(series_rows.person_id::text, 'nobody') || ', study of '
                || coalesce(studies.person_id::text, 'nobody')
    end as observed,
    studies.imaging_study_id is null or (series_rows.person_id is distinct from studies.person_id) as is_violation
from series_rows
left join studies on series_rows.imaging_study_id = studies.imaging_study_id
