-- One valid UID, then one row for each way to go wrong.
select '1.2.840.10008.1.2' as study_uid
union all
select repeat('1', 65) as study_uid
union all
select '1.2.840.10008.1.2 ' as study_uid
union all
select '1.2.abc' as study_uid
union all
select '' as study_uid
union all
select cast(null as text) as study_uid
