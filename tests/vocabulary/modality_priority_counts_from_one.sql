-- Modalities that are not listed come after all that are; 0 and below are kept free.
select
    modality,
    priority
from {{ ref('modality_priority') }}
where priority < 1 or modality <> upper(trim(modality))
