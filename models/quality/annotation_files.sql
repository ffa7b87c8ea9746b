with

files as (
    select * from {{ ref('int_annotation__files_identified') }}
),

annotations as (
    select * from {{ ref('stg_annotation__annotations') }}
),

counted as (
    select
        folder_key,
        file_name,
        count(*) as number_of_annotations,
        count(problem) as annotations_without_measures
    from annotations
    group by folder_key, file_name
)

select
    files.file_path,
    files.form,
    case
        when files.left_out_because is not null then files.left_out_because
        when counted.folder_key is null then 'no annotation'
        else 'published'
    end as outcome,
    coalesce(files.reason, case when counted.folder_key is null then 'nothing is marked' end) as reason,
    files.detail,
    files.missing_series_uid,
    coalesce(counted.number_of_annotations, 0) as number_of_annotations,
    coalesce(counted.annotations_without_measures, 0) as annotations_without_measures,
    files.file_size,
    files.read_at
from files
left join counted on files.folder_key = counted.folder_key and files.file_name = counted.file_name
