with

study_procedures as (
    select * from {{ ref('study_procedure') }}
),

imaging_study as (
    select * from {{ ref('imaging_study') }}
)

select
    study_procedures.imaging_study_id,
    imaging_study.modalities_in_study,
    study_procedures.procedure_occurrence_id,
    study_procedures.procedure_concept_id,
    study_procedures.tier,
    study_procedures.link_rank,
    case study_procedures.modality_agrees
        when true then 'agrees'
        when false then 'contradicts'
        else 'unknown'
    end as verdict
from study_procedures
inner join imaging_study on study_procedures.imaging_study_id = imaging_study.imaging_study_id
