with

studies as (
    select * from {{ ref('cohort_study') }}
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
        bool_or(series_values.attribute = 'Modality' and series_values.value = 'CT') as is_ct,
        bool_or(series_values.attribute = 'LowDose' and series_values.value = 'YES')
            as is_low_dose,
        bool_or(series_values.attribute = 'Localizer' and series_values.value = 'YES')
            as is_localizer,
        max(series_values.value_as_number) filter (where series_values.attribute = 'NumberOfInstances')
            as number_of_instances,
        max(series_values.value_as_number) filter (where series_values.attribute = 'NumberOfFrames') as number_of_frames
    from studies
    inner join series_values on studies.imaging_study_id = series_values.imaging_study_id
    where studies.modality = 'CT'
    group by studies.imaging_study_id, series_values.unique_series_id, studies.person_id
)

-- Series of images alone have a number of frames.
select
    imaging_study_id,
    unique_series_id,
    person_id,
    is_low_dose,
    is_localizer,
    number_of_instances::bigint as number_of_instances,
    number_of_frames::bigint as number_of_frames
from described
where is_ct and number_of_frames is not null
