with

imaging_study as (
    select * from {{ ref('imaging_study') }}
),

study_procedures as (
    select * from {{ ref('study_procedure') }}
    where link_rank = 1
),

study_notes as (
    select * from {{ ref('study_note') }}
    where note_rank = 1
),

unmatched as (
    select * from {{ ref('unmatched') }}
),

outcomes as (
    select
        1 as place,
        'person' as link,
        true as is_linked,
        'by the crosswalk' as how
    from imaging_study
    where person_id is not null
    union all
    select
        2 as place,
        'procedure' as link,
        true as is_linked,
        'tier ' || tier || ', by '
        || case tier when 2 then 'the same day' when 3 then 'a day in the window' else linked_by end as how
    from study_procedures
    union all
    select
        3 as place,
        'report' as link,
        true as is_linked,
        'tier ' || tier || ', by ' || linked_by as how
    from study_notes
    union all
    select
        case link when 'person' then 1 when 'procedure' then 2 else 3 end as place,
        link,
        false as is_linked,
        reason as how
    from unmatched
),

counted as (
    select
        place,
        link,
        is_linked,
        how,
        count(*) as studies
    from outcomes
    group by place, link, is_linked, how
)

select
    link,
    case when is_linked then 'linked' else 'not linked' end as outcome,
    how,
    studies,
    round(100.0 * studies / sum(studies) over (partition by link), 1) as percent_of_studies
from counted
order by place, is_linked desc, how
