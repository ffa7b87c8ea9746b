with

copies as (
    select * from {{ ref('int_series__copies_classed') }}
)

select
    sop_instance_uid || ' ' || copy_number as record_key,
    copy_class as observed,
    copy_class <> 'same header' as is_violation
from copies
where copy_number > 1
