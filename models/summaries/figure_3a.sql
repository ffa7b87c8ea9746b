with

series_modalities as (
    select * from {{ ref('int_summary__series_modalities') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

study_modalities as (
    select coalesce({{ normalised('modality_source_value') }}, 'unknown') as modality
    from studies
),

study_counts as (
    select
        modality,
        count(*) as studies
    from study_modalities
    group by modality
),

series_counts as (
    select
        modality,
        count(*) as series
    from series_modalities
    group by modality
)

select
    coalesce(study_counts.modality, series_counts.modality) as modality,
    coalesce(study_counts.studies, 0) as studies,
    coalesce(series_counts.series, 0) as series
from study_counts
full outer join series_counts on study_counts.modality = series_counts.modality
