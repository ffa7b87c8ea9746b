with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

published as (
    select
        imaging_study_id,
        unique_series_id,
        value_source_value
    from {{ ref('imaging_series') }}
    where series_source_value = 'SliceThickness'
)

select
    series_facts.study_instance_uid || ' ' || series_facts.series_instance_uid as record_key,
    published.value_source_value as observed,
    published.value_source_value is null as is_violation
from series_facts
left join studies on series_facts.study_instance_uid = studies.study_instance_uid
left join published
    on
        studies.imaging_study_id = published.imaging_study_id
        and series_facts.series_instance_uid = published.unique_series_id
where
    exists (
        select 1 from headers
        where
            headers.series_key = series_facts.series_key
            -- CT, MR and PET Image Storage
            and headers.sop_class_uid in (
                '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.128'
            )
    )
