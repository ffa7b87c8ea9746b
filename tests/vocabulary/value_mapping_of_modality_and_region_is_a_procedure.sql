-- The paper compares them with the linked procedure, which only concepts of the domain Procedure allow. Objects that
-- are no images are made without one, and have a concept of our own.
select
    attribute,
    source_value,
    domain_id
from {{ ref('value_mapping') }}
where
    (attribute = 'BodyPartExamined' and domain_id <> 'Procedure')
    or (attribute = 'Modality' and domain_id <> 'Procedure' and (domain_id <> 'Meas Value' or status <> 'custom'))
