with

series_states as (
    select * from {{ ref('int_series__states') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

accessions as (
    select
        series_states.study_instance_uid,
        keys.accession_key,
        min(keys.position) as position,
        sum(headers.number_of_instances) as number_of_instances
    from headers
    inner join series_states on headers.series_key = series_states.series_key
    -- The first is the file's own, NULL where it has none.
    cross join lateral unnest(headers.accession_keys) with ordinality as keys (accession_key, position)
    where keys.accession_key is not null
    group by series_states.study_instance_uid, keys.accession_key
),

chosen as (
    select distinct on (study_instance_uid)
        study_instance_uid,
        accession_key
    from accessions
    order by study_instance_uid asc, position asc, number_of_instances desc, {{ bytewise('accession_key') }} asc
)

select * from chosen
