{{ config(unique_key='imaging_study_id') }}

with

studies as (
    select * from {{ ref('int_study__rows_identified') }}
),

modalities as (
    select * from {{ ref('int_study__modality_voted') }}
),

manufacturers as (
    select * from {{ ref('int_study__manufacturer_voted') }}
),

dates as (
    select * from {{ ref('int_study__date_chosen') }}
),

accessions as (
    select * from {{ ref('int_study__accession_chosen') }}
),

filepaths as (
    select * from {{ ref('int_filepath__rows_identified') }}
),

-- Of objects that are no images the concept is no procedure; a concept that the site chose is taken as it is.
procedures as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute = 'Modality' and coalesce(domain_id, 'Procedure') = 'Procedure'
),

persons as (
    select * from {{ ref('int_linkage__persons') }}
),

first_procedures as (
    select * from {{ ref('study_procedure') }}
    where link_rank = 1
),

first_notes as (
    select * from {{ ref('study_note') }}
    where note_rank = 1
)

select
    studies.imaging_study_id,
    persons.person_id,
    first_notes.note_id,
    first_procedures.procedure_occurrence_id,
    dates.study_date,
    dates.study_datetime,
    filepaths.filepath_id,
    {{ var('study_type_concept_id') }}::integer as study_type_concept_id,
    manufacturers.manufacturer,
    case when modalities.is_voted then coalesce(procedures.concept_id, 0) else 0 end as modality_concept_id,
    modalities.modality as modality_source_value,
    studies.number_of_series::integer as number_of_series,
    studies.number_of_instance::integer as number_of_instance,
    studies.study_instance_uid,
    accessions.accession_key,
    modalities.modalities_in_study,
    studies.number_of_frames::integer as number_of_frames
from studies
inner join filepaths
    on studies.study_instance_uid = filepaths.study_instance_uid and filepaths.kind = 'study_folder'
left join modalities on studies.study_instance_uid = modalities.study_instance_uid
left join manufacturers on studies.study_instance_uid = manufacturers.study_instance_uid
left join dates on studies.study_instance_uid = dates.study_instance_uid
left join accessions on studies.study_instance_uid = accessions.study_instance_uid
left join procedures on {{ normalised('modalities.modality') }} = procedures.source_value
left join persons on studies.study_instance_uid = persons.study_instance_uid
left join first_procedures on studies.study_instance_uid = first_procedures.study_instance_uid
left join first_notes on studies.study_instance_uid = first_notes.study_instance_uid
