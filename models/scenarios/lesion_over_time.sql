with

lesions as (
    select * from {{ ref('annotated_lesion') }}
    where imaging_study_id is not null
),

-- What is one lesion over time: a UID is one in the world, a name within a person; else a place and a label there.
tracked as (
    select
        lesions.*,
        case
            when lesions.tracking_uid is not null then 'tracking uid'
            when lesions.tracking_id is not null and lesions.person_id is not null then 'tracking id'
            when
                lesions.anatomic_site_concept_id <> 0
                and lesions.annotation_text is not null
                and lesions.person_id is not null
                then 'site and label'
        end as matched_by,
        case
            when lesions.tracking_uid is not null then lesions.tracking_uid
            when lesions.tracking_id is not null then lesions.tracking_id
            else lesions.anatomic_site_concept_id || ' ' || {{ normalised('annotation_text') }}
        end as lesion_key
    from lesions
),

-- Two of one label at one place and by one reader in a study are two lesions that nothing tells apart.
told_apart as (
    select
        *,
        count(*) over (
            partition by matched_by, person_id, lesion_key, unique_series_id, imaging_study_id, reader_set
        ) as number_of_equals
    from tracked
    where matched_by is not null
),

-- One annotation per study and reader: one with a volume, then the latest.
of_studies as (
    select distinct on (
        matched_by, person_id, lesion_key, annotation_system, algorithm_name, annotator_key, imaging_study_id
    ) *
    from told_apart
    where matched_by <> 'site and label' or number_of_equals = 1
    order by
        matched_by,
        person_id,
        lesion_key,
        annotation_system,
        algorithm_name,
        annotator_key,
        imaging_study_id,
        volume_mm3 is null,
        annotation_datetime desc nulls last,
        annotation_group_id
),

readers_counted as (
    select
        *,
        count(*) over (
            partition by matched_by, person_id, lesion_key, annotation_system, algorithm_name, imaging_study_id
        ) as readers_of_study
    from of_studies
),

-- Where each study has one reader the studies are compared, whoever that was; where one has several, reader by reader.
followed as (
    select
        *,
        case
            when
                max(readers_of_study) over (
                    partition by matched_by, person_id, lesion_key, annotation_system, algorithm_name
                ) > 1
                then coalesce(annotator_key, '')
        end as reader
    from readers_counted
),

compared as (
    select
        *,
        count(*) over all_studies as number_of_studies,
        row_number() over in_order as study_number,
        first_value(study_date) over in_order as first_date,
        lag(study_date) over in_order as previous_date,
        first_value(long_axis_mm) over in_order as first_long_axis,
        lag(long_axis_mm) over in_order as previous_long_axis,
        first_value(volume_mm3) over in_order as first_volume,
        lag(volume_mm3) over in_order as previous_volume,
        (lag(annotator_key) over in_order is not distinct from annotator_key) as is_of_same_reader
    from followed
    window
        all_studies as (partition by matched_by, person_id, lesion_key, annotation_system, algorithm_name, reader),
        in_order as (
            partition by matched_by, person_id, lesion_key, annotation_system, algorithm_name, reader
            order by study_date asc nulls last, imaging_study_id asc
        )
)

select
    annotation_group_id,
    person_id,
    matched_by,
    lesion_key,
    annotation_text,
    anatomic_site_concept_id,
    reader_set,
    imaging_study_id,
    study_date,
    number_of_studies,
    study_number,
    study_date - first_date as days_since_first,
    study_date - previous_date as days_since_previous,
    case when study_number > 1 then is_of_same_reader end as is_of_same_reader,
    long_axis_mm,
    long_axis_mm - first_long_axis as long_axis_change_since_first_mm,
    round(100 * (long_axis_mm - first_long_axis) / nullif(first_long_axis, 0), 2)
        as long_axis_change_since_first_percent,
    long_axis_mm - previous_long_axis as long_axis_change_since_previous_mm,
    round(100 * (long_axis_mm - previous_long_axis) / nullif(previous_long_axis, 0), 2)
        as long_axis_change_since_previous_percent,
    volume_mm3,
    volume_mm3 - first_volume as volume_change_since_first_mm3,
    round(100 * (volume_mm3 - first_volume) / nullif(first_volume, 0), 2) as volume_change_since_first_percent,
    volume_mm3 - previous_volume as volume_change_since_previous_mm3,
    round(100 * (volume_mm3 - previous_volume) / nullif(previous_volume, 0), 2)
        as volume_change_since_previous_percent
from compared
