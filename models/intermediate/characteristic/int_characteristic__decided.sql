with

votes as (
    select * from {{ ref('int_characteristic__votes_cast') }}
),

regions as (
    select * from {{ ref('anatomic_region') }}
),

ranked_votes as (
    select
        *,
        rank() over (partition by series_key, characteristic order by place) as evidence_rank
    from votes
    where decides
),

-- Of several regions, those of the first evidence alone, from head to foot.
decided as (
    select
        ranked_votes.series_key,
        ranked_votes.characteristic,
        case
            when ranked_votes.characteristic = 'AnatomicRegion'
                then row_number() over (
                    partition by ranked_votes.series_key, ranked_votes.characteristic order by regions.place
                )
        end as component,
        ranked_votes.value,
        ranked_votes.evidence as decided_by,
        ranked_votes.evidence_text,
        ranked_votes.rank
    from ranked_votes
    left join regions
        on ranked_votes.value = regions.region and ranked_votes.characteristic = 'AnatomicRegion'
    where ranked_votes.evidence_rank = 1
)

select * from decided
