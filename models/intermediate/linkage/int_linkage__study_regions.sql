with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
    where attribute = 'BodyPartExamined' and value is not null
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

regions as (
    select * from {{ ref('int_linkage__regions') }}
)

-- A body part that no seed knows says nothing.
select distinct
    series_facts.study_instance_uid,
    regions.region
from collapsed_values
inner join series_facts on collapsed_values.series_key = series_facts.series_key
inner join regions on {{ normalised('collapsed_values.value') }} = regions.body_part
where series_facts.votes
