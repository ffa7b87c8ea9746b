with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
),

units as (
    select * from (
        values
        ('Volume', 8686),
        ('SurfaceArea', 9572),
        ('LongAxis', 8588)
    ) as units (attribute, unit_concept_id)
)

select
    annotation_rows.imaging_annotation_id::text as record_key,
    units.attribute || ' ' || annotation_rows.value_as_number || ' ('
    || coalesce(annotation_rows.unit_concept_id::text, 'no unit') || ')' as observed,
    annotation_rows.value_as_number < 0
    or (annotation_rows.value_as_number = 0 and units.attribute <> 'LongAxis')
    or (annotation_rows.unit_concept_id is distinct from units.unit_concept_id) as is_violation
from annotation_rows
inner join units on annotation_rows.annotation_source_value = units.attribute
where annotation_rows.value_as_number is not null
