with

events as (
    select * from {{ ref('int_linkage__events_by_crosswalk') }}
    where refused_because is not null
)

select * from events
