with

series_values as (
    select * from {{ ref('int_series__values_mapped') }}
),

attributes as (
    select distinct name
    from {{ ref('dicom_attribute') }}
    where kind = 'code'
),

series_states as (
    select * from {{ ref('int_series__states') }}
)

select
    series_values.name as attribute,
    series_values.value as source_value,
    {{ normalised('series_values.value') }} as normalised_value,
    series_values.value_as_concept_id as concept_id,
    coalesce(series_values.mapped_by, 'none') as mapped_by,
    count(*) as number_of_series,
    count(distinct series_states.study_instance_uid) as number_of_studies
from series_values
inner join attributes on series_values.name = attributes.name
inner join series_states on series_values.series_key = series_states.series_key
group by series_values.name, series_values.value, series_values.value_as_concept_id, series_values.mapped_by
