-- Masking replaces whole words of text, so on a number or a code it would do nothing and feign protection.
select
    name,
    kind
from {{ ref('dicom_attribute') }}
where privacy_action = 'mask' and kind <> 'text'
