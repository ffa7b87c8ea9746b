-- A concept has one name, domain, vocabulary and code, however many values lead to it.
select concept_id
from {{ ref('value_mapping') }}
group by concept_id
having
    count(distinct concept_name) > 1
    or count(distinct domain_id) > 1
    or count(distinct coalesce(vocabulary_id, '')) > 1
    or count(distinct coalesce(concept_code, '')) > 1
