with

series_values as (
    select * from {{ ref('int_series__values_mapped') }}
),

series_states as (
    select * from {{ ref('int_series__states') }}
),

id_salts as (
    select * from {{ ref('id_salt') }}
),

with_uids as (
    select
        series_values.*,
        series_states.study_instance_uid,
        series_states.series_instance_uid,
        series_states.study_instance_uid || '|' || series_states.series_instance_uid || '|' || series_values.attribute
            as id_input
    from series_values
    inner join series_states on series_values.series_key = series_states.series_key
)

select
    {{ icdm_id('imaging_series', 'with_uids.id_input', 'id_salts.salt') }} as imaging_series_id,
    with_uids.*
from with_uids
left join id_salts
    on id_salts.kind = 'imaging_series' and with_uids.id_input = id_salts.id_input
