with

source as (
    select * from {{ source('icdm_raw', 'person_crosswalk') }}
),

renamed as (
    select
        origin,
        patient_key,
        patient_issuer_key,
        person_id,
        number_of_persons,
        date_shift_days
    from source
)

select * from renamed
