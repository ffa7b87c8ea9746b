select
    'CT' as modality,
    'image' as kind
union all
select
    'MR' as modality,
    'image' as kind
union all
select
    'ct' as modality,
    'image' as kind
union all
select
    'O''R' as modality,
    'other' as kind
union all
select
    cast(null as text) as modality,
    'other' as kind
