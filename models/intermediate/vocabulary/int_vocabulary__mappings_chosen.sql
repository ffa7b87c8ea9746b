with

site_mappings as (
    select * from {{ ref('int_vocabulary__site_mappings') }}
),

value_mappings as (
    select * from {{ ref('value_mapping') }}
),

of_the_site as (
    select distinct
        attribute,
        source_value,
        target_concept_id as concept_id,
        null as domain_id,
        'site' as mapped_by
    from site_mappings
    where reason is null
),

of_the_seed as (
    select
        attribute,
        source_value,
        concept_id,
        domain_id,
        'seed' as mapped_by
    from value_mappings
    where
        not exists (
            select 1
            from of_the_site
            where
                of_the_site.attribute = value_mappings.attribute
                and of_the_site.source_value = value_mappings.source_value
        )
)

select * from of_the_site
union all
select * from of_the_seed
