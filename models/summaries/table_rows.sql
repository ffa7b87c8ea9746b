with

imaging_study as (
    select * from {{ ref('imaging_study') }}
),

imaging_series as (
    select * from {{ ref('imaging_series') }}
),

imaging_annotation as (
    select * from {{ ref('imaging_annotation') }}
),

filepath as (
    select * from {{ ref('filepath') }}
)

select
    'imaging_study' as cdm_table,
    count(*) as number_of_rows
from imaging_study
union all
select
    'imaging_series' as cdm_table,
    count(*) as number_of_rows
from imaging_series
union all
select
    'imaging_annotation' as cdm_table,
    count(*) as number_of_rows
from imaging_annotation
union all
select
    'filepath' as cdm_table,
    count(*) as number_of_rows
from filepath
