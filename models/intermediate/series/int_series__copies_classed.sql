with

instances as (
    select * from {{ ref('stg_dicom__instances') }}
),

-- A CTE of its own: PostgreSQL would write all instances to disk to read one CTE twice.
instance_uids as (
    select sop_instance_uid from {{ ref('stg_dicom__instances') }}
),

headers as (
    select * from {{ ref('stg_dicom__headers') }}
),

series as (
    select * from {{ ref('stg_dicom__series') }}
),

folders as (
    select * from {{ ref('stg_dicom__folders') }}
),

repeated_instances as (
    select sop_instance_uid
    from instance_uids
    group by sop_instance_uid
    having count(*) > 1
),

copies as (
    select
        instances.sop_instance_uid,
        instances.folder_key,
        instances.file_name,
        instances.series_key,
        instances.header_key,
        instances.instance_values,
        series.study_instance_uid,
        headers.patient_key,
        headers.patient_issuer_key,
        folders.folder_path || '/' || instances.file_name as file_path,
        row_number() over (
            partition by instances.sop_instance_uid
            order by
                instances.instance_created_at desc nulls last,
                instances.header_key,
                {{ bytewise("folders.folder_path || '/' || instances.file_name") }}
        ) as copy_number
    from instances
    inner join repeated_instances on instances.sop_instance_uid = repeated_instances.sop_instance_uid
    inner join headers
        on instances.series_key = headers.series_key and instances.header_key = headers.header_key
    inner join series on instances.series_key = series.series_key
    inner join folders on instances.folder_key = folders.folder_key
),

published_copies as (
    select * from copies
    where copy_number = 1
),

classed as (
    select
        copies.sop_instance_uid,
        copies.copy_number,
        copies.folder_key,
        copies.file_name,
        copies.file_path,
        copies.series_key,
        copies.study_instance_uid,
        case
            when copies.copy_number = 1 then 'published'
            when (copies.patient_key is distinct from published_copies.patient_key) then 'other patient'
            when copies.patient_issuer_key <> published_copies.patient_issuer_key then 'other patient'
            when copies.study_instance_uid <> published_copies.study_instance_uid then 'other study'
            when copies.series_key <> published_copies.series_key then 'other series'
            when
                copies.header_key <> published_copies.header_key
                or copies.instance_values <> published_copies.instance_values
                then 'other header'
            else 'same header'
        end as copy_class
    from copies
    inner join published_copies on copies.sop_instance_uid = published_copies.sop_instance_uid
)

select * from classed
