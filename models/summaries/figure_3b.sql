with

series_modalities as (
    select * from {{ ref('int_summary__series_modalities') }}
),

series_values as (
    select * from {{ ref('imaging_series') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

-- The components of a multi-valued attribute are one attribute.
profiles as (
    select
        name,
        min(profile) as profile
    from attributes
    group by name
),

attributes_of_series as (
    select distinct
        imaging_study_id,
        unique_series_id,
        split_part(series_source_value, '[', 1) as attribute
    from series_values
),

counted as (
    select
        series_modalities.modality,
        attributes_of_series.attribute,
        profiles.profile = 'paper' as is_of_the_paper,
        count(*) as series
    from attributes_of_series
    inner join series_modalities
        on
            attributes_of_series.imaging_study_id = series_modalities.imaging_study_id
            and attributes_of_series.unique_series_id = series_modalities.unique_series_id
    inner join profiles on attributes_of_series.attribute = profiles.name
    group by series_modalities.modality, attributes_of_series.attribute, profiles.profile
)

select
    modality,
    attribute,
    is_of_the_paper,
    series,
    count(*) over (partition by modality) as attributes_of_modality,
    count(*) filter (where is_of_the_paper) over (partition by modality) as paper_attributes_of_modality
from counted
order by modality, is_of_the_paper desc, series desc, attribute
