with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

id_salts as (
    select * from {{ ref('id_salt') }}
),

studies as (
    select
        study_instance_uid,
        count(*) as number_of_series,
        sum(number_of_instances)::bigint as number_of_instance,
        sum(number_of_frames) filter (where holds_images)::bigint as number_of_frames
    from series_facts
    group by study_instance_uid
)

select
    {{ icdm_id('imaging_study', 'studies.study_instance_uid', 'id_salts.salt') }} as imaging_study_id,
    studies.study_instance_uid as id_input,
    studies.study_instance_uid,
    studies.number_of_series,
    studies.number_of_instance,
    studies.number_of_frames
from studies
left join id_salts
    on id_salts.kind = 'imaging_study' and studies.study_instance_uid = id_salts.id_input
