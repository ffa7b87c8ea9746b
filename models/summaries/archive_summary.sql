with

studies as (
    select * from {{ ref('imaging_study') }}
),

paths as (
    select * from {{ ref('filepath') }}
),

patients as (
    select * from {{ ref('int_linkage__patients_matched') }}
),

patient_counts as (
    select count(*) as patient_ids
    from patients
),

study_counts as (
    select
        count(distinct studies.person_id) as persons,
        count(*) as studies,
        coalesce(sum(studies.number_of_series), 0) as series,
        coalesce(sum(studies.number_of_instance), 0) as instances,
        coalesce(sum(studies.number_of_frames), 0) as frames,
        coalesce(sum(paths.file_size), 0) as bytes,
        min(studies.study_date) as first_study_on,
        max(studies.study_date) as last_study_on,
        count(*) filter (where studies.study_date is null) as studies_without_date
    from studies
    left join paths on studies.filepath_id = paths.filepath_id
)

select
    patient_counts.patient_ids,
    study_counts.persons,
    study_counts.studies,
    study_counts.series,
    study_counts.instances,
    study_counts.frames,
    study_counts.bytes,
    study_counts.first_study_on,
    study_counts.last_study_on,
    study_counts.studies_without_date
from patient_counts
cross join study_counts
