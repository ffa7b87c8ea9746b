{{
    config(
        unique_key='imaging_series_id',
        indexes=[{'columns': ['imaging_study_id']}, {'columns': ['unique_series_id']}]
    )
}}

with

series_rows as (
    select * from {{ ref('int_series__rows_identified') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

filepaths as (
    select * from {{ ref('int_filepath__rows_identified') }}
)

select
    series_rows.imaging_series_id,
    studies.person_id,
    filepaths.filepath_id,
    studies.imaging_study_id,
    series_rows.series_instance_uid as unique_series_id,
    series_rows.attribute_concept_id::integer as series_concept_id,
    series_rows.attribute as series_source_value,
    series_rows.value_as_number,
    series_rows.value_as_concept_id::integer as value_as_concept_id,
    series_rows.value as value_source_value,
    series_rows.unit_concept_id::integer as unit_concept_id,
    series_rows.unit_source_value
from series_rows
inner join studies on series_rows.study_instance_uid = studies.study_instance_uid
inner join filepaths on series_rows.series_key = filepaths.series_key and filepaths.kind = 'series_folder'
where
    '{{ var("attribute_profile") }}' = 'extended'
    or series_rows.profile = '{{ var("attribute_profile") }}'
