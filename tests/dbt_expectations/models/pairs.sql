select
    'greater' as relation,
    2 as a,
    1 as b
union all
select
    'equal' as relation,
    1 as a,
    1 as b
union all
select
    'less' as relation,
    1 as a,
    2 as b
union all
select
    'unknown' as relation,
    cast(null as integer) as a,
    1 as b
union all
select
    'unknown' as relation,
    1 as a,
    cast(null as integer) as b
union all
select
    'unknown' as relation,
    cast(null as integer) as a,
    cast(null as integer) as b
