with

copies as (
    select * from {{ ref('int_series__copies_classed') }}
),

series as (
    select * from {{ ref('stg_dicom__series') }}
)

select
    copies.sop_instance_uid,
    copies.copy_number,
    copies.copy_class,
    copies.file_path,
    series.study_instance_uid,
    series.series_instance_uid
from copies
inner join series on copies.series_key = series.series_key
