with

imaging_study as (
    select * from {{ ref('imaging_study') }}
),

imaging_series as (
    select * from {{ ref('imaging_series') }}
),

imaging_annotation as (
    select * from {{ ref('imaging_annotation') }}
),

annotation_attributes as (
    select * from {{ ref('annotation_attribute') }}
),

filepath as (
    select * from {{ ref('filepath') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

study_rows as (
    select
        1 as table_place,
        columns.place,
        'IMAGING_STUDY' as cdm_table,
        columns.concept,
        count(*) as records,
        count(columns.value) as records_with_data,
        count(distinct columns.value) as unique_values
    from imaging_study
    cross join
        lateral (
            values
            (1, 'modality', imaging_study.modality_source_value),
            (2, 'manufacturer', imaging_study.manufacturer),
            (3, 'number of series', imaging_study.number_of_series::text),
            (4, 'number of instance', imaging_study.number_of_instance::text),
            (5, 'number of frames', imaging_study.number_of_frames::text),
            (6, 'modalities in study', imaging_study.modalities_in_study),
            (7, 'study date', imaging_study.study_date::text),
            (8, 'study time', imaging_study.study_datetime::text),
            (9, 'accession number', imaging_study.accession_key),
            (10, 'person', imaging_study.person_id::text),
            (11, 'procedure', imaging_study.procedure_occurrence_id::text),
            (12, 'report', imaging_study.note_id::text)
        ) as columns (place, concept, value)
    group by columns.place, columns.concept
),

-- An attribute that is present and empty is a record without data; only values are published.
present_counts as (
    select
        attribute,
        count(*) as records
    from collapsed_values
    group by attribute
),

value_counts as (
    select
        series_source_value as attribute,
        count(*) as records_with_data,
        count(distinct value_source_value) as unique_values
    from imaging_series
    group by series_source_value
),

series_rows as (
    select
        2 as table_place,
        row_number() over (order by attributes.profile desc, attributes.attribute_concept_id, attributes.component)
            as place,
        'IMAGING_SERIES' as cdm_table,
        attributes.name || coalesce('[' || attributes.component || ']', '') as concept,
        coalesce(present_counts.records, value_counts.records_with_data, 0) as records,
        coalesce(value_counts.records_with_data, 0) as records_with_data,
        coalesce(value_counts.unique_values, 0) as unique_values
    from attributes
    left join present_counts
        on attributes.name || coalesce('[' || attributes.component || ']', '') = present_counts.attribute
    left join value_counts
        on attributes.name || coalesce('[' || attributes.component || ']', '') = value_counts.attribute
    where
        '{{ var("attribute_profile") }}' = 'extended'
        or attributes.profile = '{{ var("attribute_profile") }}'
),

annotation_rows as (
    select
        3 as table_place,
        1::bigint as place,
        'IMAGING_ANNOTATION' as cdm_table,
        'annotation system' as concept,
        count(*) as records,
        count(annotation_system) as records_with_data,
        count(distinct annotation_system) as unique_values
    from imaging_annotation
    union all
    select
        3 as table_place,
        1 + row_number() over (
            order by annotation_attributes.profile desc nulls last, imaging_annotation.annotation_source_value
        ) as place,
        'IMAGING_ANNOTATION' as cdm_table,
        imaging_annotation.annotation_source_value as concept,
        count(*) as records,
        count(nullif(trim(imaging_annotation.value_source_value), '')) as records_with_data,
        count(distinct nullif(trim(imaging_annotation.value_source_value), '')) as unique_values
    from imaging_annotation
    left join annotation_attributes on imaging_annotation.annotation_source_value = annotation_attributes.name
    group by imaging_annotation.annotation_source_value, annotation_attributes.profile
),

filepath_rows as (
    select
        4 as table_place,
        columns.place,
        'FILEPATH' as cdm_table,
        columns.concept,
        count(*) as records,
        count(columns.value) as records_with_data,
        count(distinct columns.value) as unique_values
    from filepath
    cross join
        lateral (
            values
            (1, 'file path', filepath.filepath),
            (2, 'file size', filepath.file_size::text)
        ) as columns (place, concept, value)
    group by columns.place, columns.concept
),

all_rows as (
    select * from study_rows
    union all
    select * from series_rows
    union all
    select * from annotation_rows
    union all
    select * from filepath_rows
)

select
    cdm_table,
    concept,
    records,
    records_with_data,
    round(100.0 * records_with_data / nullif(records, 0), 1) as percent_with_data,
    unique_values
from all_rows
order by table_place, place
