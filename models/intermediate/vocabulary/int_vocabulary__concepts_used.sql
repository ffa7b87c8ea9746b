with

value_mappings as (
    select * from {{ ref('value_mapping') }}
),

attributes as (
    select * from {{ ref('dicom_attribute') }}
),

custom_concepts as (
    select * from {{ ref('custom_concept') }}
),

annotation_labels as (
    select * from {{ ref('annotation_label') }}
),

annotation_attributes as (
    select * from {{ ref('annotation_attribute') }}
),

annotation_units as (
    select * from {{ ref('annotation_unit') }}
),

site_mappings as (
    select * from {{ ref('int_vocabulary__site_mappings') }}
    where reason is null
),

procedure_concepts as (
    select * from {{ ref('procedure_concept') }}
),

used as (
    select
        concept_id,
        concept_name,
        domain_id,
        vocabulary_id,
        concept_code,
        'value_mapping' as used_in
    from value_mappings
    where concept_id < 2000000000
    union all
    select
        unit_concept_id as concept_id,
        null as concept_name,
        'Unit' as domain_id,
        'UCUM' as vocabulary_id,
        unit_source_value as concept_code,
        'dicom_attribute' as used_in
    from attributes
    where unit_concept_id <> 0
    union all
    select
        concept_id,
        concept_name,
        domain_id,
        vocabulary_id,
        concept_code,
        'annotation_label' as used_in
    from annotation_labels
    where concept_id < 2000000000
    union all
    select
        concept_id,
        concept_name,
        'Measurement' as domain_id,
        vocabulary_id,
        concept_code,
        'annotation_attribute' as used_in
    from annotation_attributes
    where concept_id < 2000000000
    union all
    select
        unit_concept_id as concept_id,
        null as concept_name,
        'Unit' as domain_id,
        'UCUM' as vocabulary_id,
        canonical_unit as concept_code,
        'annotation_unit' as used_in
    from annotation_units
    union all
    select
        procedure_concept_id as concept_id,
        concept_name,
        'Procedure' as domain_id,
        null as vocabulary_id,
        null as concept_code,
        'procedure_concept' as used_in
    from procedure_concepts
    union all
    select
        9470 as concept_id,
        'byte' as concept_name,
        'Unit' as domain_id,
        'UCUM' as vocabulary_id,
        'By' as concept_code,
        'filepath' as used_in
    union all
    select
        {{ var('study_type_concept_id') }} as concept_id,
        null as concept_name,
        'Type Concept' as domain_id,
        'Type Concept' as vocabulary_id,
        null as concept_code,
        'study_type_concept_id' as used_in
    union all
    select
        concept_id,
        concept_name,
        domain_id,
        vocabulary_id,
        concept_code,
        'custom_concept' as used_in
    from custom_concepts
    union all
    -- What domain the site means, its mapping does not say.
    select
        target_concept_id as concept_id,
        null as concept_name,
        null as domain_id,
        null as vocabulary_id,
        null as concept_code,
        'source_to_concept_map' as used_in
    from site_mappings
)

select
    concept_id,
    min(concept_name) as concept_name,
    min(domain_id) as domain_id,
    min(vocabulary_id) as vocabulary_id,
    min(concept_code) as concept_code,
    concept_id >= 2000000000 as is_custom,
    string_agg(distinct used_in, ', ' order by used_in) as used_in
from used
group by concept_id
