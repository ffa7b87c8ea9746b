-- A rule whose evidence no row of characteristic_evidence reads would never speak.
select
    rules.characteristic,
    rules.evidence,
    rules.rank
from {{ ref('description_rule') }} as rules
where
    not exists (
        select 1
        from {{ ref('characteristic_evidence') }} as evidence
        where evidence.characteristic = rules.characteristic and evidence.rules = rules.evidence
    )
