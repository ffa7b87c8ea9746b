-- OMOP's convention: only the official vocabularies hold standard concepts.
select
    concept_id,
    standard_concept
from {{ ref('custom_concept') }}
where standard_concept is not null
