-- A region without a concept is no use to those who select by one; the region that holds it stands in the seed itself.
select regions.region
from {{ ref('anatomic_region') }} as regions
where
    not exists (
        select 1
        from {{ ref('value_mapping') }} as mappings
        where mappings.attribute = 'AnatomicRegion' and mappings.source_value = regions.region
    )
    or not exists (
        select 1
        from {{ ref('anatomic_region') }} as holders
        where holders.region = coalesce(regions.part_of, regions.region) and holders.part_of is null
    )
