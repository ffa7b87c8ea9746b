-- depends_on: {{ ref('stg_dicom__raw_state') }}
-- Without a WITH clause, which would keep PostgreSQL from joining before it unpivots (a nightly run needs few headers),
-- and without an alias, which dbt's --empty would double.
select
    series_key, -- noqa: RF02
    header_key, -- noqa: RF02
    pairs.attribute,
    pairs.value
from {{ source('icdm_raw', 'header') }}
cross join lateral {{ header_pairs('attributes') }} as pairs (attribute, value)
