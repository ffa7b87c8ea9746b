-- What the standard lacks has neither tag nor concept, or something would be invented.
select
    name,
    tag,
    attribute_concept_id
from {{ ref('dicom_attribute') }}
where status = 'not_found' and coalesce(tag, attribute_concept_id::text) is not null
