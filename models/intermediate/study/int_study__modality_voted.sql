with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

priorities as (
    select * from {{ ref('modality_priority') }}
),

votes as (
    select
        series_facts.study_instance_uid,
        series_facts.modality,
        bool_or(series_facts.votes) as is_voted,
        count(*) filter (where series_facts.votes) as number_of_votes,
        count(*) as number_of_series,
        min(priorities.priority) as priority
    from series_facts
    left join priorities on series_facts.modality = priorities.modality
    where series_facts.modality is not null
    group by series_facts.study_instance_uid, series_facts.modality
),

-- What nobody votes for stands behind every vote.
ranked as (
    select
        *,
        row_number() over (
            partition by study_instance_uid
            order by
                is_voted desc,
                priority asc nulls last,
                number_of_votes desc,
                number_of_series desc,
                {{ bytewise('modality') }}
        ) as place
    from votes
)

select
    study_instance_uid,
    max(modality) filter (where place = 1) as modality,
    bool_or(is_voted) as is_voted,
    string_agg(modality, '\' order by {{ bytewise('modality') }}) as modalities_in_study
from ranked
group by study_instance_uid
