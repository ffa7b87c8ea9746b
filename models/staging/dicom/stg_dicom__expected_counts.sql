with

source as (
    select * from {{ source('icdm_raw', 'expected_count') }}
),

renamed as (
    select
        study_instance_uid,
        series_instance_uid,
        number_of_instances
    from source
)

select * from renamed
