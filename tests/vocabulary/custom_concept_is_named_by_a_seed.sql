-- A concept that nothing leads to is a forgotten row, but for the kinds of files, which the model filepath names.
with

concepts as (
    select * from {{ ref('custom_concept') }}
),

used_concepts as (
    select attribute_concept_id as concept_id from {{ ref('dicom_attribute') }}
    union all
    select concept_id from {{ ref('value_mapping') }}
    union all
    select concept_id from {{ ref('annotation_attribute') }}
    union all
    select concept_id from {{ ref('annotation_label') }}
)

select
    concepts.concept_id,
    concepts.concept_name
from concepts
left join used_concepts on concepts.concept_id = used_concepts.concept_id
where used_concepts.concept_id is null and concepts.concept_class_id <> 'I-CDM File Kind'
