with

studies as (
    select * from {{ ref('int_linkage__studies') }}
),

study_ids as (
    select * from {{ ref('int_study__rows_identified') }}
),

study_procedures as (
    select * from {{ ref('study_procedure') }}
),

by_crosswalk as (
    select
        study_instance_uid,
        event_id as note_id,
        linked_by
    from {{ ref('int_linkage__events_by_crosswalk') }}
    where link = 'report' and refused_because is null
),

by_date as (
    select * from {{ ref('int_linkage__notes_by_date') }}
),

notes as (
    select * from {{ ref('stg_omop__notes') }}
),

by_event as (
    select
        study_procedures.study_instance_uid,
        notes.note_id
    from study_procedures
    inner join notes
        on
            study_procedures.procedure_occurrence_id = notes.note_event_id
            and study_procedures.person_id = notes.person_id
    where notes.note_event_field_concept_id in ({{ var('procedure_event_fields') | join(', ') }})
),

links as (
    select
        study_instance_uid,
        note_id,
        1 as tier,
        'event' as linked_by
    from by_event
    union all
    select
        study_instance_uid,
        note_id,
        2 as tier,
        linked_by
    from by_crosswalk
    union all
    select
        study_instance_uid,
        note_id,
        3 as tier,
        'date' as linked_by
    from by_date
),

first_links as (
    select distinct on (study_instance_uid, note_id)
        study_instance_uid,
        note_id,
        tier,
        linked_by
    from links
    order by study_instance_uid, note_id, tier
),

-- A report that the day alone links counts where nothing else does.
tiers_compared as (
    select
        *,
        min(tier) over (partition by study_instance_uid) as first_tier
    from first_links
)

select
    study_ids.imaging_study_id,
    tiers_compared.study_instance_uid,
    studies.person_id,
    tiers_compared.note_id,
    notes.note_date,
    tiers_compared.tier,
    tiers_compared.linked_by,
    row_number() over (
        partition by tiers_compared.study_instance_uid
        order by notes.note_date desc nulls last, notes.note_datetime desc nulls last, tiers_compared.note_id desc
    ) as note_rank
from tiers_compared
inner join notes on tiers_compared.note_id = notes.note_id
inner join studies on tiers_compared.study_instance_uid = studies.study_instance_uid
inner join study_ids on tiers_compared.study_instance_uid = study_ids.study_instance_uid
where tiers_compared.tier < 3 or tiers_compared.first_tier = 3
