with

lesions as (
    select * from {{ ref('int_scenario_2__lesions_classed') }}
),

cohort_studies as (
    select * from {{ ref('cohort_study') }}
    where modality = 'CT'
),

studies as (
    select * from {{ ref('imaging_study') }}
),

nodules as (
    select * from lesions
    where kind = 'ground_glass_nodule'
),

-- A solid nodule that lies in a ground-glass one is its solid part, whatever it is called.
parts as (
    select * from lesions
    where kind in ('solid_part', 'solid_nodule')
),

candidates as (
    select
        parts.annotation_group_id,
        nodules.annotation_group_id as nodule_group_id,
        case
            when parts.tracking_uid = nodules.tracking_uid then 'tracking uid'
            when parts.tracking_id = nodules.tracking_id then 'tracking id'
            when
                parts.x between nodules.x_from and nodules.x_to
                and parts.y between nodules.y_from and nodules.y_to
                and parts.z between nodules.z_from and nodules.z_to
                then 'containment'
        end as assigned_by,
        (nodules.x_to - nodules.x_from) * (nodules.y_to - nodules.y_from) * (nodules.z_to - nodules.z_from)
            as box_volume
    from parts
    inner join nodules
        on
            parts.imaging_study_id = nodules.imaging_study_id
            and parts.unique_series_id = nodules.unique_series_id
            and parts.reader_set = nodules.reader_set
),

-- Of several, the closest tie, then the smallest nodule around the part.
chosen as (
    select distinct on (annotation_group_id)
        annotation_group_id,
        nodule_group_id,
        assigned_by
    from candidates
    where assigned_by is not null
    order by
        annotation_group_id,
        array_position(array['tracking uid', 'tracking id', 'containment'], assigned_by),
        box_volume,
        nodule_group_id
)

select
    lesions.annotation_group_id,
    case when chosen.nodule_group_id is not null then 'solid_part' else lesions.kind end as kind,
    chosen.nodule_group_id,
    chosen.assigned_by,
    lesions.reader_set,
    lesions.person_id,
    lesions.imaging_study_id,
    lesions.unique_series_id,
    coalesce(studies.modality_source_value, '') = 'CT' as is_ct,
    cohort_studies.imaging_study_id is not null as is_of_cohort,
    lesions.volume_mm3
from lesions
left join chosen on lesions.annotation_group_id = chosen.annotation_group_id
left join studies on lesions.imaging_study_id = studies.imaging_study_id
left join cohort_studies on lesions.imaging_study_id = cohort_studies.imaging_study_id
