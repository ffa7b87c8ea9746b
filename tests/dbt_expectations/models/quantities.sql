select
    0 as code,
    0.0 as amount,
    'kept' as kind
union all
select
    1 as code,
    2.5 as amount,
    'kept' as kind
union all
select
    2 as code,
    10.0 as amount,
    'kept' as kind
union all
select
    3 as code,
    -1.0 as amount,
    'dropped' as kind
union all
select
    cast(null as integer) as code,
    cast(null as numeric) as amount,
    'dropped' as kind
