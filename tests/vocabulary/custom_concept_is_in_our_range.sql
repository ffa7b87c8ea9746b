-- Above OMOP's two billion and clear of the ranges of others, yet an integer for every client (below 2^31).
select
    concept_id,
    concept_name
from {{ ref('custom_concept') }}
where concept_id not between 2140000001 and 2147483647
