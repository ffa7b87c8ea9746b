with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

headers as (
    select * from {{ ref('int_series__headers_counted') }}
),

modalities as (
    select
        series_key,
        distinct_values
    from {{ ref('int_series__values_collapsed') }}
    where attribute = 'Modality'
),

class_modalities as (
    select * from {{ ref('sop_class_modality') }}
),

series_classes as (
    select distinct
        series_key,
        sop_class_uid
    from headers
    where sop_class_uid in (select class_modalities.sop_class_uid from class_modalities)
),

foreign_classes as (
    select
        series_classes.series_key,
        string_agg(series_classes.sop_class_uid, ', ' order by series_classes.sop_class_uid) filter (
            where not exists (
                select 1 from class_modalities
                where
                    class_modalities.sop_class_uid = series_classes.sop_class_uid
                    and class_modalities.modality = series_facts.modality
            )
        ) as class_uids
    from series_classes
    inner join series_facts on series_classes.series_key = series_facts.series_key
    group by series_classes.series_key
)

select
    series_facts.study_instance_uid || ' ' || series_facts.series_instance_uid as record_key,
    coalesce(series_facts.modality, 'no modality')
    || case when modalities.distinct_values > 1 then ', ' || modalities.distinct_values || ' different' else '' end
    || coalesce(', not of class ' || foreign_classes.class_uids, '') as observed,
    foreign_classes.class_uids is not null or coalesce(modalities.distinct_values, 0) <> 1 as is_violation
from series_facts
inner join foreign_classes on series_facts.series_key = foreign_classes.series_key
left join modalities on series_facts.series_key = modalities.series_key
