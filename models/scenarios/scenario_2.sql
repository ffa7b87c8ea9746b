with

lesions as (
    select * from {{ ref('scenario_2_lesions') }}
    where is_ct
),

nodule_parts as (
    select
        nodule_group_id,
        sum(volume_mm3) as volume_mm3
    from lesions
    where nodule_group_id is not null
    group by nodule_group_id
),

-- The volume of a nodule with its solid part in it, whether the mask of the nodule holds that part or leaves it out.
described as (
    select
        lesions.*,
        nodule_parts.nodule_group_id is not null as has_solid_part,
        nodule_parts.volume_mm3 as solid_volume_mm3,
        lesions.volume_mm3
        + case when {{ var('nodule_includes_solid_part') }} then 0 else coalesce(nodule_parts.volume_mm3, 0) end
            as whole_volume_mm3
    from lesions
    left join nodule_parts
        on lesions.annotation_group_id = nodule_parts.nodule_group_id and lesions.kind = 'ground_glass_nodule'
),

patients_with_ground_glass as (
    select distinct person_id
    from described
    where kind = 'ground_glass_nodule' and person_id is not null
),

described_of_patients as (
    select
        described.*,
        patients_with_ground_glass.person_id is not null as patient_has_ground_glass
    from described
    left join patients_with_ground_glass on described.person_id = patients_with_ground_glass.person_id
),

readings as (
    select
        images_taken.images,
        described_of_patients.*
    from described_of_patients
    cross join (values ('CT of the cohort'), ('all CT')) as images_taken (images)
    where images_taken.images = 'all CT' or described_of_patients.is_of_cohort
),

counted as (
    select
        images,
        reader_set,
        count(distinct imaging_study_id) as annotated_studies,
        count(distinct person_id) as annotated_patients,
        count(*) filter (where kind = 'ground_glass_nodule') as ground_glass_nodules,
        count(distinct person_id) filter (where kind = 'ground_glass_nodule') as ground_glass_patients,
        count(*) filter (where has_solid_part) as with_solid_part,
        count(distinct person_id) filter (where has_solid_part) as with_solid_part_patients,
        avg(whole_volume_mm3) filter (where kind = 'ground_glass_nodule') as mean_volume_mm3,
        avg(whole_volume_mm3) filter (where has_solid_part) as mean_volume_with_solid_part_mm3,
        avg(solid_volume_mm3) as mean_solid_volume_mm3,
        avg(solid_volume_mm3 / nullif(whole_volume_mm3, 0)) as mean_solid_ratio,
        count(solid_volume_mm3 + whole_volume_mm3) as compared,
        corr(solid_volume_mm3, whole_volume_mm3) as correlation,
        count(*) filter (where kind = 'solid_part' and nodule_group_id is null) as solid_parts_without_nodule,
        count(*) filter (where kind = 'solid_nodule') as solid_nodules,
        count(distinct person_id) filter (where kind = 'solid_nodule') as solid_nodule_patients,
        avg(whole_volume_mm3) filter (where kind = 'solid_nodule') as mean_solid_nodule_volume_mm3,
        count(*) filter (where kind = 'solid_nodule' and not patient_has_ground_glass)
            as solid_nodules_of_patients_without_ground_glass
    from readings
    group by grouping sets ((images, reader_set), (images))
)

select
    images,
    coalesce(reader_set, 'all readers, nothing merged') as reader_set,
    {{ var('nodule_includes_solid_part') }} as nodule_includes_solid_part,
    annotated_studies,
    annotated_patients,
    ground_glass_nodules,
    ground_glass_patients,
    with_solid_part,
    with_solid_part_patients,
    round(mean_volume_mm3, 3) as mean_volume_mm3,
    round(mean_volume_with_solid_part_mm3, 3) as mean_volume_with_solid_part_mm3,
    round(mean_solid_volume_mm3, 3) as mean_solid_volume_mm3,
    round(mean_solid_ratio, 4) as mean_solid_ratio,
    compared,
    round(correlation::numeric, 4) as correlation,
    solid_parts_without_nodule,
    solid_nodules,
    solid_nodule_patients,
    round(mean_solid_nodule_volume_mm3, 3) as mean_solid_nodule_volume_mm3,
    solid_nodules_of_patients_without_ground_glass
from counted
order by images, reader_set
