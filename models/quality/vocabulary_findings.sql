with

judged_concepts as (
    select * from {{ ref('int_vocabulary__concepts_judged') }}
)

select
    concept_id,
    used_in,
    concept_name,
    vocabulary_name,
    finding
from judged_concepts
where finding is not null
