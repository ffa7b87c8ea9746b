with

annotations as (
    select * from {{ ref('stg_annotation__annotations') }}
),

annotation_values as (
    select * from {{ ref('stg_annotation__values') }}
),

names as (
    select * from {{ ref('int_annotation__names_known') }}
),

terms_of_annotations as (
    select
        fields.scope,
        fields.term
    from annotations
    cross join lateral (
        values
        ('what', annotations.label),
        ('what', annotations.finding_code),
        ('what', annotations.category_code),
        ('what', annotations.site_code),
        ('side', annotations.laterality_code)
    ) as fields (scope, term)
),

-- Of texts, those of attributes whose values are words with a meaning.
terms_of_values as (
    select
        case names.attribute when 'Laterality' then 'side' else 'what' end as scope,
        coalesce(
            annotation_values.value_code, case when names.kind = 'code' then annotation_values.value_text end
        ) as term
    from annotation_values
    inner join names
        on
            annotation_values.name = names.name
            and coalesce(annotation_values.name_code, '') = coalesce(names.name_code, '')
),

-- A code that annotation_attribute_name knows is looked up no more.
terms_of_attributes as (
    select
        'attribute' as scope,
        annotation_values.name_code as term
    from annotation_values
    inner join names
        on
            annotation_values.name = names.name
            and coalesce(annotation_values.name_code, '') = coalesce(names.name_code, '')
    where names.kind is null
),

terms as (
    select * from terms_of_annotations
    union all
    select * from terms_of_values
    union all
    select * from terms_of_attributes
),

counted as (
    select
        scope,
        term,
        count(*) as number_of_uses
    from terms
    where term is not null
    group by scope, term
)

-- A code is written value^scheme^meaning; the schemes of DICOM that are vocabularies of OMOP (PS3.16 section 8).
select
    scope,
    term,
    number_of_uses,
    {{ normalised('term') }} as normalised_term,
    case split_part(term, '^', 2)
        when 'SCT' then 'SNOMED'
        when 'LN' then 'LOINC'
        when 'UCUM' then 'UCUM'
        when 'RXNORM' then 'RxNorm'
    end as vocabulary_id,
    split_part(term, '^', 1) as concept_code,
    case when term like '%^%^%' then {{ normalised("split_part(term, '^', 3)") }} end as normalised_meaning
from counted
