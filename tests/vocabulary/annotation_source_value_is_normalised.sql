-- Labels, names and codes of annotations are compared after this folding, so a row written otherwise would never match.
with

source_values as (
    select source_value from {{ ref('annotation_label') }}
    union all
    select source_value from {{ ref('annotation_attribute_name') }}
)

select source_value
from source_values
where source_value <> {{ normalised("source_value || case when source_value like '%^%' then '^' else '' end") }}
