with

links as (
    select * from {{ ref('study_procedure') }}
    where link_rank = 1 and linked_by <> 'date'
)

select
    imaging_study_id::text as record_key,
    'procedure ' || procedure_occurrence_id || case when modality_agrees then ' agrees' else ' disagrees' end
        as observed,
    not modality_agrees as is_violation
from links
where modality_agrees is not null
