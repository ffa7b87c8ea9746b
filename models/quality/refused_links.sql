with

procedures as (
    select * from {{ ref('int_linkage__procedures_by_crosswalk') }}
    where refused_because is not null
),

notes as (
    select * from {{ ref('int_linkage__notes_by_crosswalk') }}
    where refused_because is not null
)

select
    study_instance_uid,
    'procedure' as link,
    procedure_occurrence_id as event_id,
    origin,
    linked_by,
    refused_because
from procedures
union all
select
    study_instance_uid,
    'report' as link,
    note_id as event_id,
    origin,
    linked_by,
    refused_because
from notes
