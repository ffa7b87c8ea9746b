with

annotation_values as (
    select * from {{ ref('int_annotation__values_mapped') }}
),

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

id_salts as (
    select * from {{ ref('id_salt') }}
    where kind = 'imaging_annotation'
),

with_input as (
    select
        annotation_values.*,
        annotations.annotation_group_id,
        annotation_values.annotation_input || '|' || annotation_values.attribute || '|'
        || coalesce(annotation_values.value_number::text, '') as id_input
    from annotation_values
    inner join annotations on annotation_values.annotation_input = annotations.id_input
)

select
    {{ icdm_id('imaging_annotation', 'with_input.id_input', 'id_salts.salt') }} as imaging_annotation_id,
    with_input.*
from with_input
left join id_salts on with_input.id_input = id_salts.id_input
