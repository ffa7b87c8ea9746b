-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'header') }}
),

unpivoted as (
    select
        source.series_key,
        source.header_key,
        pairs.attribute,
        pairs.value
    from source
    cross join lateral {{ header_pairs('source.attributes') }} as pairs (attribute, value)
)

select * from unpivoted
