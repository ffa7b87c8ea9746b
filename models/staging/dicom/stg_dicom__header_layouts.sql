with

source as (
    select * from {{ source('icdm_raw', 'header_layout') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

-- The same columns, in the same order, as extract/attributes.py hashes.
attribute_lines as (
    select
        name || '|' || tag || '|' || coalesce(vr, '') || '|' || level || '|' || coalesce(path, '') || '|'
        || coalesce(also_from, '') || '|' || coalesce(component::text, '') || '|' || aggregate || '|'
        || privacy_action as line
    from attributes
    where tag is not null
),

current_seed as (
    select md5(string_agg(line, chr(10) order by {{ bytewise('line') }})) as fingerprint
    from attribute_lines
),

renamed as (
    select
        source.layout_id,
        source.fingerprint,
        source.reading_version,
        source.instance_attributes,
        source.fingerprint = current_seed.fingerprint as is_current
    from source
    cross join current_seed
)

select * from renamed
