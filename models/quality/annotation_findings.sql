with

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

files as (
    select * from {{ ref('int_annotation__files_identified') }}
    where left_out_because is null
),

annotation_values as (
    select * from {{ ref('int_annotation__values_mapped') }}
),

without_measures as (
    select
        id_input as annotation_input,
        'no measures' as finding,
        problem as detail
    from annotations
    where problem is not null
),

without_series as (
    select
        id_input as annotation_input,
        'annotated series unknown' as finding,
        unknown_because as detail
    from annotations
    where unknown_because is not null
),

without_unit as (
    select
        annotation_input,
        'number without its unit' as finding,
        attribute || ' in ' || coalesce(unit_source_value, 'no unit') as detail
    from annotation_values
    where is_of_another_unit
),

findings as (
    select * from without_measures
    union all
    select * from without_series
    union all
    select * from without_unit
)

select
    annotations.annotation_group_id,
    findings.finding,
    findings.detail,
    files.file_path,
    annotations.annotation_number,
    annotations.series_instance_uid
from findings
inner join annotations on findings.annotation_input = annotations.id_input
inner join files on annotations.file_input = files.file_input
