with

studies as (
    select * from {{ ref('imaging_study') }}
),

dates as (
    select * from {{ ref('int_linkage__studies') }}
),

observation_periods as (
    select * from {{ ref('stg_omop__observation_periods') }}
),

procedures as (
    select * from {{ ref('stg_omop__procedure_occurrences') }}
),

procedure_modalities as (
    select * from {{ ref('int_linkage__procedure_modalities') }}
),

imaging_procedures as (
    select procedures.procedure_occurrence_id
    from procedures
    inner join procedure_modalities on procedures.procedure_concept_id = procedure_modalities.procedure_concept_id
)

select
    studies.imaging_study_id::text as record_key,
    coalesce('procedure ' || studies.procedure_occurrence_id, 'no procedure') as observed,
    studies.procedure_occurrence_id is null as is_violation
from studies
inner join dates on studies.study_instance_uid = dates.study_instance_uid
where
    studies.person_id is not null
    and exists (
        select 1 from observation_periods
        where
            observation_periods.person_id = studies.person_id
            and dates.omop_date
            between observation_periods.observation_period_start_date
            and observation_periods.observation_period_end_date
    )
    and exists (select 1 from imaging_procedures)
