with

studies as (
    select * from {{ ref('int_linkage__studies') }}
    where person_id is not null and omop_date is not null
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

notes as (
    select * from {{ ref('stg_omop__notes') }}
),

procedures as (
    select * from {{ ref('stg_omop__procedure_occurrences') }}
),

procedure_modalities as (
    select * from {{ ref('int_linkage__procedure_modalities') }}
),

-- A report that names its procedure, or that the crosswalk names, has no need of its day.
free_reports as (
    select * from notes
    where
        (
            note_class_concept_id in ({{ var('radiology_note_concepts') | join(', ') }})
            or note_type_concept_id in ({{ var('radiology_note_concepts') | join(', ') }})
        )
        and not coalesce(
            note_event_id is not null
            and note_event_field_concept_id in ({{ var('procedure_event_fields') | join(', ') }}), false
        )
        and not exists (
            select 1 from by_crosswalk
            where by_crosswalk.note_id = notes.note_id
        )
),

-- Whatever else was imaged on that day may be what the report is about.
other_procedures as (
    select
        procedures.person_id,
        procedures.procedure_date
    from procedures
    where
        procedures.procedure_concept_id in (
            select procedure_modalities.procedure_concept_id from procedure_modalities
        )
        and not exists (
            select 1 from study_procedures
            where study_procedures.procedure_occurrence_id = procedures.procedure_occurrence_id
        )
),

studies_of_the_day as (
    select
        study_instance_uid,
        person_id,
        omop_date,
        count(*) over (partition by person_id, omop_date) as number_of_studies
    from studies
)

select
    studies_of_the_day.study_instance_uid,
    free_reports.note_id
from studies_of_the_day
inner join free_reports
    on
        studies_of_the_day.person_id = free_reports.person_id
        and studies_of_the_day.omop_date = free_reports.note_date
where
    studies_of_the_day.number_of_studies = 1
    and not exists (
        select 1 from other_procedures
        where
            other_procedures.person_id = studies_of_the_day.person_id
            and other_procedures.procedure_date = studies_of_the_day.omop_date
    )
