-- The paper compares them with the linked procedure, which only concepts of the domain Procedure allow.
select
    attribute,
    source_value,
    domain_id
from {{ ref('value_mapping') }}
where attribute in ('Modality', 'BodyPartExamined') and domain_id <> 'Procedure'
