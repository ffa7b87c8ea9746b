-- One unit has one spelling and one concept in all rows.
select
    min(unit_source_value) as one_unit,
    max(unit_source_value) as other_unit,
    min(unit_concept_id) as one_concept,
    max(unit_concept_id) as other_concept
from {{ ref('dicom_attribute') }}
where unit_source_value is not null
group by case when unit_concept_id = 0 then unit_source_value else unit_concept_id::text end
having count(distinct unit_source_value) > 1 or count(distinct unit_concept_id) > 1
union all
select
    unit_source_value as one_unit,
    unit_source_value as other_unit,
    min(unit_concept_id) as one_concept,
    max(unit_concept_id) as other_concept
from {{ ref('dicom_attribute') }}
where unit_source_value is not null
group by unit_source_value
having count(distinct unit_concept_id) > 1
