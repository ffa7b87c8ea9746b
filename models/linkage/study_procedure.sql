with

pairs as (
    select * from {{ ref('int_linkage__pairs') }}
),

candidates as (
    select * from {{ ref('int_linkage__candidates') }}
    where is_linked
),

studies as (
    select * from {{ ref('int_study__rows_identified') }}
),

by_crosswalk as (
    select
        *,
        1 as tier,
        count(*) over (partition by study_instance_uid) as candidates
    from pairs
    where linked_by <> 'date'
),

by_date as (
    select
        pairs.*,
        candidates.tier,
        candidates.candidates
    from pairs
    inner join candidates
        on
            pairs.study_instance_uid = candidates.study_instance_uid
            and pairs.procedure_date = candidates.procedure_date
            and pairs.procedure_concept_id = candidates.procedure_concept_id
    where pairs.linked_by = 'date'
),

links as (
    select * from by_crosswalk
    union all
    select * from by_date
)

select
    studies.imaging_study_id,
    links.study_instance_uid,
    links.person_id,
    links.procedure_occurrence_id,
    links.procedure_concept_id,
    links.visit_occurrence_id,
    links.tier,
    links.linked_by,
    row_number() over (
        partition by links.study_instance_uid
        order by
            -- What is not known comes before what contradicts.
            case links.modality_agrees when true then 1 when false then 3 else 2 end,
            case links.region_agrees when true then 1 when false then 3 else 2 end,
            abs(links.day_distance) asc nulls last,
            links.seconds_apart asc nulls last,
            links.procedure_occurrence_id asc
    ) as link_rank,
    links.candidates,
    links.day_distance,
    links.modality_agrees,
    links.region_agrees
from links
inner join studies on links.study_instance_uid = studies.study_instance_uid
