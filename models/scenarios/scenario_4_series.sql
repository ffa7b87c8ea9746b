with

studies as (
    select * from {{ ref('cohort_study') }}
),

members as (
    select * from {{ ref('int_cohort__members') }}
),

series as (
    select * from {{ ref('imaging_series') }}
),

series_values as (
    select
        imaging_study_id,
        unique_series_id,
        series_source_value as attribute,
        {{ normalised('value_source_value') }} as value,
        value_as_number
    from series
),

described as (
    select
        studies.imaging_study_id,
        series_values.unique_series_id,
        studies.person_id,
        bool_or(series_values.attribute = 'Modality' and series_values.value = 'MR') as is_mr,
        bool_or(series_values.attribute = 'Weighting' and series_values.value = 'T1')
            as is_t1,
        bool_or(series_values.attribute = 'ContrastEnhanced' and series_values.value = 'YES')
            as is_enhanced,
        max(series_values.value_as_number) filter (where series_values.attribute = 'SliceThickness') as slice_thickness,
        max(series_values.value_as_number) filter (where series_values.attribute = 'NumberOfFrames') as number_of_frames
    from studies
    inner join series_values on studies.imaging_study_id = series_values.imaging_study_id
    where studies.modality = 'MR'
    group by studies.imaging_study_id, series_values.unique_series_id, studies.person_id
)

-- Series of images alone have a number of frames.
select
    described.imaging_study_id,
    described.unique_series_id,
    described.person_id,
    described.is_t1 and described.is_enhanced as is_enhanced_t1,
    round(described.slice_thickness, 2) as slice_thickness_mm,
    members.age_at_diagnosis
from described
inner join members on described.person_id = members.person_id
where described.is_mr and described.number_of_frames is not null
