with

site_mappings as (
    select * from {{ ref('int_vocabulary__site_mappings') }}
)

select
    source_vocabulary_id,
    source_code,
    target_concept_id,
    reason
from site_mappings
where reason is not null
