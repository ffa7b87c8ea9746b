with

instances as (
    select * from {{ ref('stg_dicom__instances') }}
),

runs as (
    select * from {{ ref('stg_dicom__extract_runs') }}
),

copies as (
    select * from {{ ref('int_series__copies_classed') }}
),

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

imaging_study as (
    select * from {{ ref('imaging_study') }}
),

imaging_series as (
    select * from {{ ref('imaging_series') }}
),

imaging_annotation as (
    select * from {{ ref('imaging_annotation') }}
),

annotation_files as (
    select * from {{ ref('annotation_files') }}
    where outcome = 'published'
),

filepath as (
    select * from {{ ref('filepath') }}
),

last_completed_run as (
    select * from runs
    where status = 'completed'
    order by run_id desc
    limit 1
),

counts as (
    select
        (select count(*) from instances) as files_of_instances,
        (select count(distinct sop_instance_uid) from instances) as different_instances,
        (
            select count(*) from copies
            where copy_number > 1
        ) as copies_left_out,
        (select coalesce(sum(number_of_instances), 0) from series_facts) as instances_in_series,
        (select count(*) from series_facts) as series,
        (select count(distinct study_instance_uid) from series_facts) as studies,
        (select count(*) from imaging_study) as published_studies,
        (select coalesce(sum(number_of_series), 0) from imaging_study) as series_of_published_studies,
        (select coalesce(sum(number_of_instance), 0) from imaging_study) as instances_of_published_studies,
        (
            select count(*) from imaging_series
            where series_source_value = 'NumberOfInstances'
        ) as published_series,
        (
            select coalesce(sum(value_as_number), 0) from imaging_series
            where series_source_value = 'NumberOfInstances'
        ) as instances_of_published_series,
        (select count(*) from filepath) as published_paths,
        (select count(*) from annotation_files) as annotation_files,
        (select count(distinct filepath_id) from imaging_annotation) as files_of_published_annotations,
        (select coalesce(sum(number_of_annotations), 0) from annotation_files) as annotations,
        (
            select count(distinct annotation_group_id) from imaging_annotation
            where annotation_source_value = 'AnnotationNumber'
        ) as published_annotations,
        (select files_seen from last_completed_run) as run_seen,
        (select files_read + files_unchanged + files_rejected + files_ignored from last_completed_run)
            as run_accounted
)

select
    checks.check_name,
    checks.left_count,
    checks.right_count
from counts
cross join lateral (
    values
    ('files seen by the last run = read + unchanged + rejected + ignored', counts.run_seen, counts.run_accounted),
    (
        'files of instances = different instances + copies',
        counts.files_of_instances,
        counts.different_instances + counts.copies_left_out
    ),
    ('different instances = instances in series', counts.different_instances, counts.instances_in_series),
    ('series = series published', counts.series, counts.published_series),
    ('studies = studies published', counts.studies, counts.published_studies),
    ('series = series of published studies', counts.series, counts.series_of_published_studies),
    ('instances = instances of published studies', counts.instances_in_series, counts.instances_of_published_studies),
    ('instances = instances of published series', counts.instances_in_series, counts.instances_of_published_series),
    (
        'annotation files = files of published annotations',
        counts.annotation_files,
        counts.files_of_published_annotations
    ),
    ('annotations = annotations published', counts.annotations, counts.published_annotations),
    (
        'paths published = studies + series + annotation files',
        counts.published_paths,
        counts.studies + counts.series + counts.annotation_files
    )
) as checks (check_name, left_count, right_count)
