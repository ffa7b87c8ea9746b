with

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

accessions as (
    select
        accession_keys.accession_key,
        count(distinct headers.patient_key) as number_of_patients
    from headers
    cross join lateral unnest(headers.accession_keys) as accession_keys (accession_key)
    where accession_keys.accession_key is not null and headers.patient_key is not null
    group by accession_keys.accession_key
)

select
    accession_key as record_key,
    number_of_patients || ' patients' as observed,
    number_of_patients > 1 as is_violation
from accessions
