select '1.2.840.10008.1.2' as study_uid
union all
select '2.25' as study_uid
union all
select repeat('1', 64) as study_uid
