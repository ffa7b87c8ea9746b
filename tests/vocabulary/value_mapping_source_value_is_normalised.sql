-- Values of files are compared after this folding, so a row written otherwise would never match.
select
    attribute,
    source_value
from {{ ref('value_mapping') }}
where source_value <> {{ normalised("source_value || case when source_value like '%^%' then '^' else '' end") }}
