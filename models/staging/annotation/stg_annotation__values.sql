-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'annotation_value') }}
),

-- A number that is none, as NaN of an empty mask, is no number.
renamed as (
    select
        folder_key,
        file_name,
        annotation_number,
        value_number,
        name,
        name_code,
        value_text,
        case when value_as_number not in ('NaN', 'Infinity', '-Infinity') then value_as_number end as value_as_number,
        trim(unit) as unit,
        value_code,
        origin,
        method
    from source
)

select * from renamed
