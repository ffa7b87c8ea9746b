with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
)

-- All accessions of the files, those of their requests included: a study of two orders has two.
select distinct
    series_states.study_instance_uid,
    keys.accession_key
from headers
inner join series_states on headers.series_key = series_states.series_key
cross join lateral unnest(headers.accession_keys) as keys (accession_key)
where keys.accession_key is not null
