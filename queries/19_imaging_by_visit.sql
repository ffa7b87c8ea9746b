-- Question: In which visits were patients imaged: as outpatients, as inpatients, in an emergency?
-- Answers:  One row per kind of visit and modality, by the procedure that a study is linked to.
-- Change:   Join your concept table for the names: 9201 is inpatient, 9202 outpatient, 9203 emergency.
select
    visit_occurrence.visit_concept_id,
    studies.modality_source_value as modality,
    count(*) as studies,
    count(distinct studies.person_id) as patients
from icdm.imaging_study as studies
inner join icdm_analysis.study_procedure as links
    on studies.imaging_study_id = links.imaging_study_id and links.link_rank = 1
inner join demo_cdm.visit_occurrence on links.visit_occurrence_id = visit_occurrence.visit_occurrence_id
group by visit_occurrence.visit_concept_id, studies.modality_source_value
order by studies desc, visit_occurrence.visit_concept_id, modality;
