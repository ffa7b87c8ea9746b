with

named_values as (
    select * from {{ ref('int_annotation__values_named') }}
),

attributes as (
    select * from {{ ref('annotation_attribute') }}
),

units as (
    select * from {{ ref('annotation_unit') }}
),

terms as (
    select * from {{ ref('int_annotation__terms_mapped') }}
),

described as (
    select
        named_values.*,
        coalesce(attributes.concept_id, name_terms.concept_id, 0) as attribute_concept_id,
        coalesce(attributes.profile, 'extended') as profile,
        attributes.kind,
        attributes.unit as unit_of_attribute,
        units.canonical_unit,
        units.factor,
        units.unit_concept_id as concept_of_unit,
        coalesce(
            named_values.value_as_number,
            case when attributes.kind = 'number' then {{ number_of('named_values.value') }} end
        ) as number_as_stated
    from named_values
    left join attributes on named_values.attribute = attributes.name
    left join units on named_values.unit = units.unit
    left join terms as name_terms on named_values.name_code = name_terms.term and name_terms.scope = 'attribute'
),

-- A length, area or volume whose unit is none of its kind is no number of millimetres, and would spoil every mean.
converted as (
    select
        described.*,
        case
            when described.canonical_unit = described.unit_of_attribute
                then described.number_as_stated * described.factor
            when described.unit_of_attribute is not null then null
            else described.number_as_stated * coalesce(described.factor, 1)
        end as converted_number,
        case
            when described.number_as_stated is not null and described.unit_of_attribute is not null
                then coalesce(described.canonical_unit <> described.unit_of_attribute, true)
        end as is_of_another_unit,
        coalesce(described.value_code, case when described.kind = 'code' then described.value end) as term
    from described
)

select
    converted.annotation_input,
    converted.value_number,
    converted.attribute,
    converted.attribute_concept_id,
    converted.profile,
    converted.value,
    converted.converted_number as value_as_number,
    case when converted.term is not null then coalesce(value_terms.concept_id, 0) end as value_as_concept_id,
    case when converted.unit is not null then coalesce(converted.concept_of_unit, 0) end as unit_concept_id,
    converted.unit as unit_source_value,
    coalesce(converted.is_of_another_unit, false) as is_of_another_unit,
    converted.origin,
    converted.method
from converted
left join terms as value_terms
    on
        converted.term = value_terms.term
        and value_terms.scope = case converted.attribute when 'Laterality' then 'side' else 'what' end
