-- The models look up coded attributes only: a mapping of a number or of free text would never be found.
select
    value_mappings.attribute,
    value_mappings.source_value
from {{ ref('value_mapping') }} as value_mappings
where
    not exists (
        select 1
        from {{ ref('dicom_attribute') }} as attributes
        where attributes.name = value_mappings.attribute and attributes.kind = 'code'
    )
