-- Regions apart, which are several by nature, two values of one rank would leave the choice to chance.
select
    characteristic,
    evidence,
    rank,
    count(*) as occurrences
from {{ ref('description_rule') }}
group by characteristic, evidence, rank, case when characteristic = 'AnatomicRegion' then value || pattern end
having count(distinct coalesce(value, '')) > 1 or count(*) > count(distinct pattern)
