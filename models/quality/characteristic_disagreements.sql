with

votes as (
    select * from {{ ref('int_characteristic__votes_cast') }}
),

decided as (
    select * from {{ ref('int_characteristic__decided') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

regions as (
    select * from {{ ref('anatomic_region') }}
),

decided_values as (
    select
        decided.series_key,
        decided.characteristic,
        decided.decided_by,
        decided.evidence_text as decided_text,
        string_agg(decided.value, '\' order by decided.component) as decided_value,
        array_agg(coalesce(regions.part_of, decided.value)) as decided_areas
    from decided
    left join regions on decided.characteristic = 'AnatomicRegion' and decided.value = regions.region
    group by decided.series_key, decided.characteristic, decided.decided_by, decided.evidence_text
),

other_values as (
    select
        votes.series_key,
        votes.characteristic,
        votes.evidence as other_evidence,
        votes.evidence_text as other_text,
        string_agg(votes.value, '\' order by regions.place) as other_value,
        array_agg(coalesce(regions.part_of, votes.value)) as other_areas
    from votes
    left join regions on votes.characteristic = 'AnatomicRegion' and votes.value = regions.region
    group by votes.series_key, votes.characteristic, votes.evidence, votes.evidence_text
)

select
    series_states.study_instance_uid,
    series_states.series_instance_uid,
    decided_values.characteristic,
    decided_values.decided_value,
    decided_values.decided_by,
    decided_values.decided_text,
    other_values.other_value,
    other_values.other_evidence,
    other_values.other_text
from decided_values
inner join other_values
    on
        decided_values.series_key = other_values.series_key
        and decided_values.characteristic = other_values.characteristic
        and decided_values.decided_by <> other_values.other_evidence
inner join series_states on decided_values.series_key = series_states.series_key
-- Brain and head agree, chest and lung, and the whole body with all of it.
where
    not decided_values.decided_areas && other_values.other_areas
    and not 'WHOLEBODY' = any(decided_values.decided_areas || other_values.other_areas)
