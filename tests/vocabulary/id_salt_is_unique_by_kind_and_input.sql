-- Two salts for one input would be two ids for one row.
select
    kind,
    id_input,
    count(*) as occurrences
from {{ ref('id_salt') }}
group by kind, id_input
having count(*) > 1
