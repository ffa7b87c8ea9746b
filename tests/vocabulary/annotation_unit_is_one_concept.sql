-- A unit has one concept, and is its own unit without a factor.
select unit
from {{ ref('annotation_unit') }}
where unit = canonical_unit and factor <> 1
union all
select canonical_unit as unit
from {{ ref('annotation_unit') }}
group by canonical_unit
having count(distinct unit_concept_id) > 1
