-- Question: Which studies have no person, no procedure or no report, and why?
-- Answers:  One row per missing link and reason, with the first and last day of these studies.
-- Change:   Leave out the group by to list the studies; candidates says how many procedures would have fitted.
select
    unmatched.link,
    unmatched.reason,
    count(*) as studies,
    min(studies.study_date) as first_day,
    max(studies.study_date) as last_day,
    string_agg(distinct studies.modality_source_value, ', ') as modalities
from icdm_quality.unmatched
inner join icdm.imaging_study as studies on unmatched.imaging_study_id = studies.imaging_study_id
group by unmatched.link, unmatched.reason
order by unmatched.link, studies desc, unmatched.reason;
