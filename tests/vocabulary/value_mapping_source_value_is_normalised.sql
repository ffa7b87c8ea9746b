-- Values of files are compared after this folding, so a row written otherwise would never match.
select
    attribute,
    source_value
from {{ ref('value_mapping') }}
where
    source_value <> upper(trim(source_value))
    or source_value <> replace(source_value, '_', ' ')
    or source_value like '%  %'
