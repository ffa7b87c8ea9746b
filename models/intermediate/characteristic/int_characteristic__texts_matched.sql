with

evidence_texts as (
    select * from {{ ref('int_characteristic__evidence_read') }}
),

characteristic_evidence as (
    select * from {{ ref('characteristic_evidence') }}
),

description_rules as (
    select * from {{ ref('description_rule') }}
),

regions as (
    select * from {{ ref('anatomic_region') }}
),

rule_sets as (
    select distinct
        evidence,
        rules
    from characteristic_evidence
),

-- An archive repeats its descriptions: each is matched once, not once per series.
texts as (
    select distinct
        rule_sets.rules,
        evidence_texts.modality,
        evidence_texts.evidence_text
    from evidence_texts
    inner join rule_sets on evidence_texts.evidence = rule_sets.evidence
),

different_texts as (
    select distinct
        rules,
        evidence_text
    from texts
),

folded_texts as materialized (
    select
        rules,
        evidence_text,
        {{ folded_description('evidence_text') }} as folded_text
    from different_texts
),

patterns as (
    select
        characteristic,
        evidence,
        rank,
        value,
        modalities,
        {{ bounded_pattern('pattern', 'boundary') }} as pattern
    from description_rules
),

-- Rule by rule over all texts, which OFFSET forces: PostgreSQL keeps few compiled patterns.
matches as (
    select
        matched_texts.rules,
        matched_texts.evidence_text,
        patterns.characteristic,
        patterns.rank,
        patterns.value,
        patterns.modalities
    from patterns
    cross join
        lateral (
            select
                folded_texts.rules,
                folded_texts.evidence_text
            from folded_texts
            where folded_texts.rules = patterns.evidence and folded_texts.folded_text ~* patterns.pattern
            offset 0
        ) as matched_texts
    union all
    -- A text that is nothing but the name of a region needs no rule.
    select
        folded_texts.rules,
        folded_texts.evidence_text,
        'AnatomicRegion' as characteristic,
        1 as rank,
        regions.region as value,
        null as modalities
    from folded_texts
    inner join regions on folded_texts.folded_text = regions.region
    where folded_texts.rules = 'text'
),

matches_of_modality as (
    select
        texts.rules,
        texts.modality,
        texts.evidence_text,
        matches.characteristic,
        matches.rank,
        matches.value
    from texts
    inner join matches on texts.rules = matches.rules and texts.evidence_text = matches.evidence_text
    where matches.modalities is null or texts.modality = any(string_to_array(matches.modalities, ' '))
),

first_matches as (
    select distinct on (rules, modality, evidence_text, characteristic)
        rules,
        modality,
        evidence_text,
        characteristic,
        rank,
        value
    from matches_of_modality
    where characteristic <> 'AnatomicRegion'
    order by rules, modality, evidence_text, characteristic, rank, value
),

-- A text may name several regions, and all of them are meant.
region_matches as (
    select
        matches_of_modality.rules,
        matches_of_modality.modality,
        matches_of_modality.evidence_text,
        matches_of_modality.characteristic,
        min(matches_of_modality.rank) as rank,
        matches_of_modality.value,
        regions.part_of
    from matches_of_modality
    inner join regions on matches_of_modality.value = regions.region
    where matches_of_modality.characteristic = 'AnatomicRegion'
    group by
        matches_of_modality.rules,
        matches_of_modality.modality,
        matches_of_modality.evidence_text,
        matches_of_modality.characteristic,
        matches_of_modality.value,
        regions.part_of
),

-- The head goes where the brain is named, the spine where the neck's is.
narrowest_region_matches as (
    select
        region_matches.rules,
        region_matches.modality,
        region_matches.evidence_text,
        region_matches.characteristic,
        region_matches.rank,
        region_matches.value
    from region_matches
    where
        not exists (
            select 1
            from region_matches as parts
            where
                parts.rules = region_matches.rules
                and parts.modality = region_matches.modality
                and parts.evidence_text = region_matches.evidence_text
                and parts.part_of = region_matches.value
        )
)

select * from first_matches
where value is not null
union all
select * from narrowest_region_matches
