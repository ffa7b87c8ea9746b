with

annotation_rows as (
    select * from {{ ref('imaging_annotation') }}
),

numbers as (
    select
        imaging_annotation_id,
        value_as_number
    from annotation_rows
    where annotation_source_value = 'LongAxis' and value_as_number is not null
),

percentiles as (
    select
        count(*) as number_of_values,
        percentile_cont(0.01) within group (order by value_as_number) as percentile_1,
        percentile_cont(0.99) within group (order by value_as_number) as percentile_99
    from numbers
)

select
    numbers.imaging_annotation_id::text as record_key,
    numbers.value_as_number::text as observed,
    numbers.value_as_number < percentiles.percentile_1 or numbers.value_as_number > percentiles.percentile_99
        as is_violation
from numbers
cross join percentiles
where percentiles.number_of_values >= 100
