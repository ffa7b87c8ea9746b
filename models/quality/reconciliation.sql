with

instances as (
    select * from {{ ref('stg_dicom__instances') }}
),

rejected_files as (
    select * from {{ ref('stg_dicom__rejected_files') }}
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
        (select count(*) from copies where copy_number > 1) as copies_left_out,
        (select count(*) from rejected_files where outcome = 'rejected') as files_rejected,
        (select count(*) from rejected_files where outcome = 'ignored') as files_ignored,
        (select sum(number_of_instances) from series_facts) as instances_in_series,
        (select count(*) from series_facts) as series,
        (select count(distinct study_instance_uid) from series_facts) as studies,
        (select count(*) from imaging_study) as published_studies,
        (select sum(number_of_series) from imaging_study) as series_of_published_studies,
        (select sum(number_of_instance) from imaging_study) as instances_of_published_studies,
        (select count(*) from imaging_series where series_source_value = 'NumberOfInstances') as published_series,
        (select sum(value_as_number) from imaging_series where series_source_value = 'NumberOfInstances')
            as instances_of_published_series,
        (select count(*) from filepath) as published_paths,
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
    ('files seen by the last run = read + unchanged + rejected + ignored', run_seen, run_accounted),
    ('files of instances = different instances + copies', files_of_instances, different_instances + copies_left_out),
    ('different instances = instances in series', different_instances, instances_in_series),
    ('series = series published', series, published_series),
    ('studies = studies published', studies, published_studies),
    ('series = series of published studies', series, series_of_published_studies),
    ('instances = instances of published studies', instances_in_series, instances_of_published_studies),
    ('instances = instances of published series', instances_in_series, instances_of_published_series),
    ('paths published = studies + series', published_paths, studies + series)
) as checks (check_name, left_count, right_count)
