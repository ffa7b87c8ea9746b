with

study_ids as (
    select * from {{ ref('int_study__rows_identified') }}
),

persons as (
    select * from {{ ref('int_linkage__persons') }}
),

studies as (
    select * from {{ ref('int_linkage__studies') }}
),

study_modalities as (
    select * from {{ ref('int_linkage__study_modalities') }}
    where is_voted
),

candidates as (
    select
        study_instance_uid,
        max(candidates) as candidates,
        max(studies_that_ask) as studies_that_ask
    from {{ ref('int_linkage__candidates') }}
    where not is_linked
    group by study_instance_uid
),

study_procedures as (
    select * from {{ ref('study_procedure') }}
    where link_rank = 1
),

study_notes as (
    select * from {{ ref('study_note') }}
    where note_rank = 1
),

without_person as (
    select
        study_instance_uid,
        'person' as link,
        reason,
        null::bigint as candidates
    from persons
    where person_id is null
),

without_procedure as (
    select
        studies.study_instance_uid,
        'procedure' as link,
        case
            when studies.person_id is null then 'no person'
            when studies.omop_date is null then studies.date_state
            when study_modalities.study_instance_uid is null then 'modality unknown'
            when candidates.candidates > 1 then 'ambiguous: several procedures agree'
            when candidates.candidates = 1 then 'ambiguous: another study agrees with the procedure'
            else 'no procedure agrees'
        end as reason,
        coalesce(candidates.candidates, 0) as candidates
    from studies
    left join study_modalities on studies.study_instance_uid = study_modalities.study_instance_uid
    left join candidates on studies.study_instance_uid = candidates.study_instance_uid
    left join study_procedures on studies.study_instance_uid = study_procedures.study_instance_uid
    where study_procedures.study_instance_uid is null
),

without_note as (
    select
        studies.study_instance_uid,
        'report' as link,
        case when studies.person_id is null then 'no person' else 'no report found' end as reason,
        null::bigint as candidates
    from studies
    left join study_notes on studies.study_instance_uid = study_notes.study_instance_uid
    where study_notes.study_instance_uid is null
),

unmatched as (
    select * from without_person
    union all
    select * from without_procedure
    union all
    select * from without_note
)

select
    study_ids.imaging_study_id,
    unmatched.study_instance_uid,
    unmatched.link,
    unmatched.reason,
    unmatched.candidates
from unmatched
inner join study_ids on unmatched.study_instance_uid = study_ids.study_instance_uid
