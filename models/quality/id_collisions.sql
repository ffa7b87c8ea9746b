with

study_rows as (
    select
        'imaging_study' as kind,
        id_input,
        imaging_study_id as id
    from {{ ref('int_study__rows_identified') }}
),

series_rows as (
    select
        'imaging_series' as kind,
        id_input,
        imaging_series_id as id
    from {{ ref('int_series__rows_identified') }}
),

annotation_groups as (
    select
        'annotation_group' as kind,
        id_input,
        annotation_group_id as id
    from {{ ref('int_annotation__annotations_identified') }}
),

annotation_rows as (
    select
        'imaging_annotation' as kind,
        id_input,
        imaging_annotation_id as id
    from {{ ref('int_annotation__rows_identified') }}
),

filepath_rows as (
    select
        kind,
        id_input,
        filepath_id as id
    from {{ ref('int_filepath__rows_identified') }}
),

identified_rows as (
    select
        'imaging_study' as cdm_table,
        study_rows.*
    from study_rows
    union all
    select
        'imaging_series' as cdm_table,
        series_rows.*
    from series_rows
    union all
    select
        'imaging_annotation' as cdm_table,
        annotation_groups.*
    from annotation_groups
    union all
    select
        'imaging_annotation' as cdm_table,
        annotation_rows.*
    from annotation_rows
    union all
    select
        'filepath' as cdm_table,
        filepath_rows.*
    from filepath_rows
),

numbered as (
    select
        *,
        row_number() over (
            partition by cdm_table, kind = 'annotation_group', id order by kind, {{ bytewise('id_input') }}
        ) as place
    from identified_rows
)

-- The first row of each id may stay as it is.
select
    cdm_table,
    id,
    kind,
    id_input,
    kind || ',' || id_input || ',' || (place - 1) || ',collision' as row_to_add
from numbered
where place > 1
