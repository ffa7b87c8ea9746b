-- The tag is a concept_code and the key of a site's own mappings (ICDM_00180015), so it has one spelling only.
select
    name,
    tag
from {{ ref('dicom_attribute') }}
where length(tag) <> 8 or translate(tag, '0123456789ABCDEF', '') <> ''
