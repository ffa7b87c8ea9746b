with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
    where attribute = 'BodyPartExamined' and value is not null
),

characteristics as (
    select * from {{ ref('int_characteristic__decided') }}
    where characteristic = 'AnatomicRegion'
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

regions as (
    select * from {{ ref('int_linkage__regions') }}
),

-- Half of all series carry no BodyPartExamined: the region that a code or a description tells speaks for them.
body_parts as (
    select
        series_key,
        value as body_part
    from collapsed_values
    union
    select
        series_key,
        value as body_part
    from characteristics
)

-- A body part that no seed knows says nothing.
select distinct
    series_facts.study_instance_uid,
    regions.region
from body_parts
inner join series_facts on body_parts.series_key = series_facts.series_key
inner join regions on {{ normalised('body_parts.body_part') }} = regions.body_part
where series_facts.votes
