-- A code means one concept, and a concept has one name, domain, vocabulary and code, whatever leads to it.
with

labels as (
    select * from {{ ref('annotation_label') }}
)

select 'concept ' || concept_id as said_of
from labels
group by concept_id
having
    count(distinct concept_name) > 1
    or count(distinct domain_id) > 1
    or count(distinct coalesce(vocabulary_id, '')) > 1
    or count(distinct coalesce(concept_code, '')) > 1
union all
select 'code ' || source_value as said_of
from labels
where source_value like '%^%'
group by source_value
having count(distinct concept_id) > 1
