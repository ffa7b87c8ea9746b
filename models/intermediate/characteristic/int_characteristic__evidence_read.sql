with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

orientations as (
    select * from {{ ref('int_characteristic__orientations_read') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

evidence as (
    select * from {{ ref('characteristic_evidence') }}
),

ranges as (
    select * from {{ ref('evidence_range') }}
),

-- Only images have a plane, a weighting or a contrast.
image_series as (
    select
        series_key,
        coalesce(modality, '') as modality
    from series_facts
    where holds_images
),

needed_attributes as (
    select
        name,
        aggregate
    from attributes
    where
        name in (
            select evidence.evidence from evidence
            union all
            select ranges.attribute from ranges
            union all
            select 'ScanningSequence'
            union all
            select 'ContrastBolusRoute'
        )
        and component is null
),

series_values as (
    select
        image_series.series_key,
        collapsed_values.attribute,
        case needed_attributes.aggregate
            when 'min' then collapsed_values.minimum
            when 'max' then collapsed_values.maximum
            when 'median' then collapsed_values.median
            when 'distinct' then coalesce(collapsed_values.all_values, collapsed_values.value)
            else collapsed_values.value
        end as value
    from collapsed_values
    inner join needed_attributes on collapsed_values.attribute = needed_attributes.name
    inner join image_series on collapsed_values.series_key = image_series.series_key
    where collapsed_values.value is not null
),

planes as (
    select
        collapsed_values.series_key,
        collapsed_values.attribute as evidence,
        orientations.plane as evidence_text
    from collapsed_values
    inner join orientations
        on
            coalesce(
                collapsed_values.all_values,
                collapsed_values.value || '\' || collapsed_values.minimum || '\' || collapsed_values.maximum
            )
            = orientations.orientation_text
    where collapsed_values.attribute = 'ImageOrientationPatient' and orientations.plane is not null
),

-- Numbers become words, whose limits the seed holds.
numbers as (
    select
        series_key,
        attribute,
        {{ number_of('value') }} as number
    from series_values
    where attribute in (select ranges.attribute from ranges)
),

number_words as (
    select
        numbers.series_key,
        numbers.attribute as evidence,
        ranges.word as evidence_text
    from numbers
    inner join ranges
        on
            numbers.attribute = ranges.attribute
            and numbers.number >= ranges.minimum
            and (ranges.below is null or numbers.number < ranges.below)
),

sequence_parts as (
    select
        series_key,
        attribute,
        value as part
    from series_values
    where attribute = 'ScanningSequence'
    union all
    select
        series_key,
        evidence as attribute,
        evidence_text as part
    from number_words
    where evidence in ('RepetitionTime', 'EchoTime', 'InversionTime')
),

sequence_times as (
    select
        series_key,
        'SequenceTimes' as evidence,
        max(part) filter (where attribute = 'ScanningSequence')
        || coalesce(' ' || max(part) filter (where attribute = 'InversionTime'), '')
        || ' TR ' || max(part) filter (where attribute = 'RepetitionTime')
        || ' TE ' || max(part) filter (where attribute = 'EchoTime') as evidence_text
    from sequence_parts
    group by series_key
),

agents as (
    select
        agents.series_key,
        agents.attribute as evidence,
        agents.value || coalesce(' | ' || routes.value, '') as evidence_text
    from series_values as agents
    left join series_values as routes
        on agents.series_key = routes.series_key and routes.attribute = 'ContrastBolusRoute'
    where agents.attribute = 'ContrastBolusAgent'
),

texts as (
    select
        series_key,
        attribute as evidence,
        value as evidence_text
    from series_values
    where
        attribute in (select evidence.evidence from evidence)
        and attribute not in (select ranges.attribute from ranges)
        and attribute not in ('ImageOrientationPatient', 'ContrastBolusAgent')
),

all_evidence as (
    select * from planes
    union all
    select * from number_words
    union all
    select * from sequence_times
    union all
    select * from agents
    union all
    select * from texts
)

select
    all_evidence.series_key,
    image_series.modality,
    all_evidence.evidence,
    all_evidence.evidence_text
from all_evidence
inner join image_series on all_evidence.series_key = image_series.series_key
where all_evidence.evidence_text is not null
