-- A unit has letters to check by eye and a concept, or 0 where there is none; one without the other is an oversight.
select
    name,
    unit_concept_id,
    unit_source_value
from {{ ref('dicom_attribute') }}
where (unit_concept_id is null) <> (unit_source_value is null)
