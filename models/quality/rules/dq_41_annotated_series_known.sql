with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
),

annotated_series as (
    select distinct
        imaging_study_id,
        unique_series_id,
        person_id
    from {{ ref('imaging_series') }}
    where series_source_value = 'NumberOfInstances'
)

select
    annotation_rows.imaging_annotation_id::text as record_key,
    case
        when annotated_series.unique_series_id is null then 'series unknown'
        when (annotation_rows.person_id is distinct from annotated_series.person_id)
            then
                'person ' || coalesce(annotation_rows.person_id::text, 'nobody') || ', series of '
                || coalesce(annotated_series.person_id::text, 'nobody')
    end as observed,
    annotated_series.unique_series_id is null
    or (annotation_rows.person_id is distinct from annotated_series.person_id) as is_violation
from annotation_rows
left join annotated_series
    on
        annotation_rows.imaging_study_id = annotated_series.imaging_study_id
        and annotation_rows.unique_series_id = annotated_series.unique_series_id
