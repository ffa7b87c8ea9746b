with

site_rows as (
    select * from {{ ref('stg_omop__source_to_concept_maps') }}
),

-- OMOP gives the name of a vocabulary 20 characters, ICDM_ included.
attributes as (
    select distinct
        name as attribute,
        kind,
        'ICDM_' || coalesce(tag, left(name, 15)) as source_vocabulary_id
    from {{ ref('dicom_attribute') }}
    union all
    -- All labels and codes of annotations: what a word means does not depend on where it stands.
    select
        'Annotation' as attribute,
        'code' as kind,
        'ICDM_ANNOTATION' as source_vocabulary_id
),

classed as (
    select
        site_rows.source_vocabulary_id,
        site_rows.source_code,
        attributes.attribute,
        {{ normalised('site_rows.source_code') }} as source_value,
        site_rows.target_concept_id,
        case
            when attributes.attribute is null then 'no attribute has this vocabulary id'
            when attributes.kind <> 'code' then 'the attribute is no code'
            when
                site_rows.invalid_reason is not null
                or not coalesce(current_date between site_rows.valid_start_date and site_rows.valid_end_date, false)
                then 'not valid today'
            when coalesce(site_rows.target_concept_id, 0) = 0 then 'no target'
        end as reason
    from site_rows
    left join attributes on site_rows.source_vocabulary_id = attributes.source_vocabulary_id
),

targets_compared as (
    select
        *,
        min(target_concept_id) filter (where reason is null) over same_value as smallest_target,
        max(target_concept_id) filter (where reason is null) over same_value as largest_target
    from classed
    window same_value as (partition by attribute, source_value)
)

select
    source_vocabulary_id,
    source_code,
    attribute,
    source_value,
    target_concept_id,
    case
        when reason is not null then reason
        when smallest_target <> largest_target then 'several targets'
    end as reason
from targets_compared
