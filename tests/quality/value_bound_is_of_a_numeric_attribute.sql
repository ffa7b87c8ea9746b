-- Attributes of a longer list than this project's may have bounds; those that it has must be numbers.
with

value_bounds as (
    select * from {{ ref('value_bound') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
)

select value_bounds.attribute
from value_bounds
inner join attributes
    on value_bounds.attribute = attributes.name || coalesce('[' || attributes.component || ']', '')
where attributes.kind <> 'number'
