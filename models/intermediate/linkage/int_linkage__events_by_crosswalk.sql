with

studies as (
    select * from {{ ref('int_linkage__studies') }}
),

accessions as (
    select * from {{ ref('int_linkage__accessions') }}
),

procedure_crosswalk as (
    select * from {{ ref('stg_dicom__procedure_crosswalk') }}
),

note_crosswalk as (
    select * from {{ ref('stg_dicom__note_crosswalk') }}
),

procedures as (
    select * from {{ ref('stg_omop__procedure_occurrences') }}
),

notes as (
    select * from {{ ref('stg_omop__notes') }}
),

crosswalk as (
    select
        'procedure' as link,
        origin,
        accession_key,
        study_instance_uid,
        procedure_occurrence_id as event_id
    from procedure_crosswalk
    union all
    select
        'report' as link,
        origin,
        accession_key,
        study_instance_uid,
        note_id as event_id
    from note_crosswalk
),

events as (
    select
        'procedure' as link,
        procedure_occurrence_id as event_id,
        person_id
    from procedures
    union all
    select
        'report' as link,
        note_id as event_id,
        person_id
    from notes
),

named as (
    select
        studies.study_instance_uid,
        crosswalk.link,
        crosswalk.origin,
        crosswalk.event_id,
        'study_instance_uid' as linked_by
    from studies
    inner join crosswalk on studies.study_instance_uid = crosswalk.study_instance_uid
    union all
    select
        accessions.study_instance_uid,
        crosswalk.link,
        crosswalk.origin,
        crosswalk.event_id,
        'accession_number' as linked_by
    from accessions
    inner join crosswalk on accessions.accession_key = crosswalk.accession_key
),

named_once as (
    select
        study_instance_uid,
        link,
        event_id,
        -- csv before omop, and study_instance_uid before accession_number
        min(origin) as origin,
        max(linked_by) as linked_by
    from named
    group by study_instance_uid, link, event_id
),

judged as (
    select
        named_once.study_instance_uid,
        named_once.link,
        named_once.event_id,
        named_once.origin,
        named_once.linked_by,
        case
            when events.event_id is null then 'no such ' || named_once.link
            when studies.person_id is null then 'the study has no person'
            when coalesce(events.person_id <> studies.person_id, true) then named_once.link || ' of another person'
        end as refused_because
    from named_once
    inner join studies on named_once.study_instance_uid = studies.study_instance_uid
    left join events on named_once.link = events.link and named_once.event_id = events.event_id
),

-- Where the site's file links a study, what the CDM says of its accession does not count.
origins_compared as (
    select
        *,
        min(origin) filter (where refused_because is null) over (partition by study_instance_uid, link) as first_origin
    from judged
)

select
    study_instance_uid,
    link,
    event_id,
    origin,
    linked_by,
    refused_because
from origins_compared
where refused_because is not null or origin = first_origin
