with

series_rows as (
    select * from {{ ref('imaging_series') }}
)

select
    imaging_series_id::text as record_key,
    value_source_value as observed,
    coalesce(trim(value_source_value) not in (
        'HFP', 'HFS', 'HFDR', 'HFDL', 'FFP', 'FFS', 'FFDR', 'FFDL',
        'LFP', 'LFS', 'RFP', 'RFS', 'AFDR', 'AFDL', 'PFDR', 'PFDL'
    ), true) as is_violation
from series_rows
where series_source_value = 'PatientPosition'
