{{ config(unique_key='imaging_annotation_id') }}

-- No reader of annotations exists yet: the table stands with its columns, so that queries and tools can be written.
with

studies as (
    select * from {{ ref('imaging_study') }}
),

filepaths as (
    select * from {{ ref('filepath') }}
)

select
    null::bigint as imaging_annotation_id,
    studies.person_id,
    studies.imaging_study_id,
    null::text as unique_series_id,
    filepaths.filepath_id,
    null::date as annotation_date,
    null::timestamp as annotation_datetime,
    null::text as annotation_system,
    null::bigint as annotation_group_id,
    null::integer as annotation_concept_id,
    null::text as annotation_source_value,
    null::numeric as value_as_number,
    null::integer as value_as_concept_id,
    null::text as value_source_value,
    null::integer as unit_concept_id,
    null::text as unit_source_value,
    null::integer as plane_concept_id,
    null::integer as anatomic_site_concept_id,
    null::integer as annotation_type_concept_id,
    null::text as algorithm_name,
    null::text as annotator_key
from studies
inner join filepaths on studies.filepath_id = filepaths.filepath_id
where false
