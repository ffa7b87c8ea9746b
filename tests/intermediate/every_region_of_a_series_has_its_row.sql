-- AnatomicRegion is published by component: a series of more regions than the seed has components would lose some.
select
    decided.series_key,
    decided.component
from {{ ref('int_characteristic__decided') }} as decided
where
    decided.characteristic = 'AnatomicRegion'
    and not exists (
        select 1
        from {{ ref('dicom_attribute') }} as attributes
        where attributes.name = 'AnatomicRegion' and attributes.component = decided.component
    )
