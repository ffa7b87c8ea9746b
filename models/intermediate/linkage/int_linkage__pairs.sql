with

studies as (
    select * from {{ ref('int_linkage__studies') }}
),

study_modalities as (
    select * from {{ ref('int_linkage__study_modalities') }}
),

study_regions as (
    select * from {{ ref('int_linkage__study_regions') }}
),

by_crosswalk as (
    select
        study_instance_uid,
        event_id as procedure_occurrence_id,
        linked_by
    from {{ ref('int_linkage__events_by_crosswalk') }}
    where link = 'procedure' and refused_because is null
),

procedures as (
    select * from {{ ref('stg_omop__procedure_occurrences') }}
),

procedure_modalities as (
    select * from {{ ref('int_linkage__procedure_modalities') }}
),

procedure_regions as (
    select * from {{ ref('int_linkage__procedure_regions') }}
),

imaging_procedures as (
    select
        procedures.person_id,
        procedures.procedure_occurrence_id,
        procedures.procedure_date,
        procedure_modalities.modality_concept_id
    from procedures
    inner join procedure_modalities on procedures.procedure_concept_id = procedure_modalities.procedure_concept_id
    where procedure_modalities.is_first
),

studies_to_link_by_date as (
    select
        studies.study_instance_uid,
        studies.person_id,
        studies.omop_date,
        study_modalities.modality_concept_id
    from studies
    inner join study_modalities
        on studies.study_instance_uid = study_modalities.study_instance_uid and study_modalities.is_voted
    where
        studies.person_id is not null
        and studies.omop_date is not null
        and not exists (
            select 1 from by_crosswalk
            where by_crosswalk.study_instance_uid = studies.study_instance_uid
        )
),

pairs as (
    select
        study_instance_uid,
        procedure_occurrence_id,
        linked_by
    from by_crosswalk
    union all
    select
        studies_to_link_by_date.study_instance_uid,
        imaging_procedures.procedure_occurrence_id,
        'date' as linked_by
    from studies_to_link_by_date
    inner join imaging_procedures
        on
            studies_to_link_by_date.person_id = imaging_procedures.person_id
            and studies_to_link_by_date.modality_concept_id = imaging_procedures.modality_concept_id
            and imaging_procedures.procedure_date
            between studies_to_link_by_date.omop_date - {{ var('linkage_window_days') }}
            and studies_to_link_by_date.omop_date + {{ var('linkage_window_days') }}
),

described as (
    select
        pairs.study_instance_uid,
        pairs.procedure_occurrence_id,
        pairs.linked_by,
        studies.person_id,
        procedures.procedure_concept_id,
        procedures.procedure_date,
        procedures.visit_occurrence_id,
        procedures.procedure_date - studies.omop_date as day_distance,
        abs(extract(epoch from procedures.procedure_datetime - studies.omop_datetime))::bigint as seconds_apart
    from pairs
    inner join studies on pairs.study_instance_uid = studies.study_instance_uid
    inner join procedures on pairs.procedure_occurrence_id = procedures.procedure_occurrence_id
),

modalities_compared as (
    select
        described.study_instance_uid,
        described.procedure_occurrence_id,
        bool_or(study_modalities.modality_concept_id = procedure_modalities.modality_concept_id) as modality_agrees
    from described
    inner join study_modalities on described.study_instance_uid = study_modalities.study_instance_uid
    inner join procedure_modalities on described.procedure_concept_id = procedure_modalities.procedure_concept_id
    group by described.study_instance_uid, described.procedure_occurrence_id
),

regions_compared as (
    select
        described.study_instance_uid,
        described.procedure_occurrence_id,
        -- A procedure without a row may be of any region, and one whose row names none is general.
        case
            when
                bool_or(procedure_regions.region is not null)
                or bool_and(procedure_regions.procedure_concept_id is null)
                then coalesce(bool_or(study_regions.region = procedure_regions.region), false)
        end as region_agrees
    from described
    inner join study_regions on described.study_instance_uid = study_regions.study_instance_uid
    left join procedure_regions on described.procedure_concept_id = procedure_regions.procedure_concept_id
    group by described.study_instance_uid, described.procedure_occurrence_id
)

select
    described.*,
    modalities_compared.modality_agrees,
    regions_compared.region_agrees
from described
left join modalities_compared
    on
        described.study_instance_uid = modalities_compared.study_instance_uid
        and described.procedure_occurrence_id = modalities_compared.procedure_occurrence_id
left join regions_compared
    on
        described.study_instance_uid = regions_compared.study_instance_uid
        and described.procedure_occurrence_id = regions_compared.procedure_occurrence_id
