with

stacks as (
    select * from {{ ref('int_volume__stacks') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
)

select
    series_facts.study_instance_uid,
    series_facts.series_instance_uid,
    row_number() over (
        partition by stacks.series_key
        order by stacks.number_of_instances desc, {{ bytewise('stacks.stack_key') }}
    ) as stack_number,
    stacks.stack_key,
    series_facts.modality,
    series_facts.votes as is_diagnostic,
    stacks.number_of_instances,
    stacks.number_of_positions,
    stacks.number_of_volumes,
    stacks.smallest_spacing,
    stacks.median_spacing,
    stacks.largest_spacing,
    stacks.drift,
    stacks.verdict
from stacks
inner join series_facts on stacks.series_key = series_facts.series_key
where series_facts.holds_images
