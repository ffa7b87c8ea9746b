with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

votes as (
    select
        study_instance_uid,
        manufacturer,
        count(*) filter (where votes) as number_of_votes,
        count(*) as number_of_series
    from series_facts
    where manufacturer is not null
    group by study_instance_uid, manufacturer
),

ranked as (
    select
        study_instance_uid,
        manufacturer,
        row_number() over (
            partition by study_instance_uid
            order by number_of_votes desc, number_of_series desc, {{ bytewise('manufacturer') }}
        ) as place
    from votes
)

select
    study_instance_uid,
    manufacturer
from ranked
where place = 1
