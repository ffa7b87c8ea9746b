-- The values are ours, so each has its concept.
select
    rules.characteristic,
    rules.value
from {{ ref('description_rule') }} as rules
where
    rules.value is not null
    and not exists (
        select 1
        from {{ ref('value_mapping') }} as mappings
        where mappings.attribute = rules.characteristic and mappings.source_value = rules.value
    )
