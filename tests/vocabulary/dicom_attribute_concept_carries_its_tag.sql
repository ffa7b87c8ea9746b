-- The concept of an attribute is found again by its code: the tag, or the name where the attribute is derived.
with

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

concepts as (
    select * from {{ ref('custom_concept') }}
)

select
    attributes.name,
    attributes.tag,
    attributes.attribute_concept_id,
    concepts.concept_code
from attributes
left join concepts on attributes.attribute_concept_id = concepts.concept_id
where
    attributes.attribute_concept_id <> 0
    and (
        concepts.concept_code is null
        or concepts.concept_code <> coalesce(attributes.tag, attributes.name)
        or concepts.domain_id <> 'Measurement'
    )
