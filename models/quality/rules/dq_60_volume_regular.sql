with

stacks as (
    select * from {{ ref('volume_geometry') }}
)

select
    study_instance_uid || ' ' || series_instance_uid || ' ' || stack_key as record_key,
    verdict as observed,
    verdict <> 'regular' as is_violation
from stacks
where
    modality in ('CT', 'MR', 'PT')
    and is_diagnostic
    and verdict not in ('multi-frame', 'no geometry', 'one position')
