-- A second target would double the rows of every series that has the value.
select
    attribute,
    source_value,
    count(*) as occurrences
from {{ ref('value_mapping') }}
group by attribute, source_value
having count(*) > 1
