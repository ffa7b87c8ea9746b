with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

derived_values as (
    select * from {{ ref('int_series__values_derived') }}
),

attributes as (
    select
        *,
        name || coalesce('[' || component || ']', '') as attribute
    from {{ ref('dicom_attribute') }}
),

mappings as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
),

series_values as (
    select
        collapsed_values.series_key,
        collapsed_values.attribute,
        case attributes.aggregate
            when 'min' then collapsed_values.minimum
            when 'max' then collapsed_values.maximum
            when 'median' then collapsed_values.median
            when 'distinct' then coalesce(different_values.joined, collapsed_values.value)
            else collapsed_values.value
        end as value
    from collapsed_values
    inner join attributes on collapsed_values.attribute = attributes.attribute
    -- A value may itself be several: L and L\R together are L\R.
    left join lateral (
        select string_agg(parts.part, '\' order by {{ bytewise('parts.part') }}) as joined
        from (
            select distinct unnest(string_to_array(collapsed_values.all_values, '\')) as part
        ) as parts
        where attributes.aggregate = 'distinct'
    ) as different_values on true
    where collapsed_values.instances_with_value > 0
    union all
    select
        series_key,
        attribute,
        value
    from derived_values
),

mapped as (
    select
        series_values.series_key,
        attributes.name,
        series_values.attribute,
        attributes.profile,
        coalesce(attributes.attribute_concept_id, 0) as attribute_concept_id,
        series_values.value,
        case when attributes.kind = 'number' then {{ number_of('series_values.value') }} end as value_as_number,
        coalesce(mappings.concept_id, case when attributes.kind = 'code' then 0 end) as value_as_concept_id,
        mappings.mapped_by,
        case when attributes.unit_source_value is not null then coalesce(attributes.unit_concept_id, 0) end
            as unit_concept_id,
        attributes.unit_source_value
    from series_values
    inner join attributes on series_values.attribute = attributes.attribute
    left join mappings
        on
            attributes.name = mappings.attribute
            -- Codes alone are mapped: normalising every text is costly.
            and case when attributes.kind = 'code' then {{ normalised('series_values.value') }} end
            = mappings.source_value
)

select * from mapped
