with

attributes as (
    select
        *,
        name || coalesce('[' || component || ']', '') as attribute
    from {{ ref('dicom_attribute') }}
    where
        status <> 'not_found'
        and (
            '{{ var("attribute_profile") }}' = 'extended'
            or profile = '{{ var("attribute_profile") }}'
        )
),

-- A word begins at a capital after a small letter, and at the last of several capitals: SOPClassUID is sop_class_uid.
words as (
    select
        *,
        lower(
            regexp_replace(
                regexp_replace(
                    regexp_replace(attribute, '([A-Z]+)([A-Z][a-z])', '\1_\2', 'g'), '([a-z0-9])([A-Z])', '\1_\2', 'g'
                ),
                '[^A-Za-z0-9]+', '_', 'g'
            )
        ) as snake_case
    from attributes
),

-- The units that some keywords end in have capitals of their own (XRayTubeCurrentInuA), and so has CTDIvol.
spelled as (
    select
        *,
        trim(
            replace(regexp_replace(snake_case, '_in([mu])_?(a|as|s|gy)$', '_in_\1\2'), 'ctd_ivol', 'ctdivol'), '_'
        ) as spelling
    from words
),

-- PostgreSQL cuts names at 63 characters, of which _concept_id takes eleven.
named as (
    select
        *,
        case when length(spelling) <= 52 then spelling else left(spelling, 43) || '_' || left(md5(attribute), 8) end
            as base_name,
        name || coalesce('[' || component || ']', '')
        || case
            when tag is null then ', derived by this project'
            else ' (' || left(tag, 4) || ',' || right(tag, 4) || ')'
        end as origin
    from spelled
),

columns as (
    select
        named.profile,
        named.attribute_concept_id,
        named.attribute,
        kinds.place_in_attribute,
        named.base_name || kinds.suffix as column_name,
        case
            when kinds.suffix <> '' then 'value_as_concept_id'
            when named.kind = 'number' then 'value_as_number'
            else 'value_source_value'
        end as holds,
        case
            when kinds.suffix <> ''
                then 'Concept of ' || named.base_name || ', 0 where nothing maps the value. ' || named.origin || '.'
            else
                trim(named.description) || ' ' || named.origin
                || coalesce(', in ' || named.unit_source_value, '') || '.'
        end as description
    from named
    cross join (values (1, ''), (2, '_concept_id')) as kinds (place_in_attribute, suffix)
    where kinds.suffix = '' or named.kind = 'code'
)

select
    column_name,
    attribute,
    holds,
    row_number() over (
        order by profile desc, attribute_concept_id nulls last, attribute, place_in_attribute
    ) as place,
    description
from columns
