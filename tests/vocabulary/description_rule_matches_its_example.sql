-- A rule that does not match what it is meant for would never speak. Each example is folded as the texts of files are.
select
    characteristic,
    evidence,
    rank,
    pattern,
    example
from {{ ref('description_rule') }}
where example is null or {{ folded_description('example') }} !~* ({{ bounded_pattern('pattern', 'boundary') }})
