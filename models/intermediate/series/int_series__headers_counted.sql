with

instance_counts as (
    select * from {{ ref('int_series__instances_counted') }}
),

headers as (
    select * from {{ ref('stg_dicom__headers') }}
),

counted as (
    select
        series_key,
        header_key,
        sum(number_of_instances)::bigint as number_of_instances,
        sum(number_of_frames)::bigint as number_of_frames,
        sum(file_size) as file_size
    from instance_counts
    group by series_key, header_key
)

select
    counted.series_key,
    counted.header_key,
    headers.patient_key,
    headers.patient_issuer_key,
    headers.accession_keys,
    headers.sop_class_uid,
    headers.transfer_syntax_uid,
    counted.number_of_instances,
    counted.number_of_frames,
    counted.file_size
from counted
inner join headers
    on counted.series_key = headers.series_key and counted.header_key = headers.header_key
