-- Two evidences at one place would leave the decision to chance.
select
    characteristic,
    place,
    count(*) as occurrences
from {{ ref('characteristic_evidence') }}
group by characteristic, place
having count(*) > 1
