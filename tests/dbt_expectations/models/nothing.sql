select
    cast(null as text) as study_uid,
    cast(null as integer) as a,
    cast(null as integer) as b
where false
