with

studies as (
    select * from {{ ref('imaging_study') }}
),

series_rows as (
    select * from {{ ref('imaging_series') }}
),

annotations as (
    select * from {{ ref('imaging_annotation') }}
),

paths as (
    select * from {{ ref('filepath') }}
),

judged_concepts as (
    select * from {{ ref('int_vocabulary__concepts_judged') }}
),

-- The few different combinations first: each table is scanned once.
used_in_studies as (
    select distinct
        study_type_concept_id,
        modality_concept_id
    from studies
),

used_in_series as (
    select distinct
        series_concept_id,
        value_as_concept_id,
        unit_concept_id
    from series_rows
),

used_in_annotations as (
    select distinct
        annotation_concept_id,
        value_as_concept_id,
        unit_concept_id,
        plane_concept_id,
        anatomic_site_concept_id,
        annotation_type_concept_id
    from annotations
),

used_in_paths as (
    select distinct
        filepath_type_concept_id,
        unit_concept_id
    from paths
),

used_concepts as (
    select
        'imaging_study.' || pairs.concept_column as concept_column,
        pairs.concept_id
    from used_in_studies
    cross join
        lateral (
            values
            ('study_type_concept_id', used_in_studies.study_type_concept_id),
            ('modality_concept_id', used_in_studies.modality_concept_id)
        ) as pairs (concept_column, concept_id)
    union
    select
        'imaging_series.' || pairs.concept_column as concept_column,
        pairs.concept_id
    from used_in_series
    cross join
        lateral (
            values
            ('series_concept_id', used_in_series.series_concept_id),
            ('value_as_concept_id', used_in_series.value_as_concept_id),
            ('unit_concept_id', used_in_series.unit_concept_id)
        ) as pairs (concept_column, concept_id)
    union
    select
        'imaging_annotation.' || pairs.concept_column as concept_column,
        pairs.concept_id
    from used_in_annotations
    cross join
        lateral (
            values
            ('annotation_concept_id', used_in_annotations.annotation_concept_id),
            ('value_as_concept_id', used_in_annotations.value_as_concept_id),
            ('unit_concept_id', used_in_annotations.unit_concept_id),
            ('plane_concept_id', used_in_annotations.plane_concept_id),
            ('anatomic_site_concept_id', used_in_annotations.anatomic_site_concept_id),
            ('annotation_type_concept_id', used_in_annotations.annotation_type_concept_id)
        ) as pairs (concept_column, concept_id)
    union
    select
        'filepath.' || pairs.concept_column as concept_column,
        pairs.concept_id
    from used_in_paths
    cross join lateral (
        values
        ('filepath_type_concept_id', used_in_paths.filepath_type_concept_id),
        ('unit_concept_id', used_in_paths.unit_concept_id)
    ) as pairs (concept_column, concept_id)
)

select
    used_concepts.concept_column || ' ' || used_concepts.concept_id as record_key,
    case
        when judged_concepts.concept_id is null then 'named by no seed'
        else coalesce(judged_concepts.finding, judged_concepts.vocabulary_name)
    end as observed,
    judged_concepts.concept_id is null or judged_concepts.finding is not null as is_violation
from used_concepts
left join judged_concepts on used_concepts.concept_id = judged_concepts.concept_id
where
    used_concepts.concept_id <> 0
    and exists (select 1 from {{ ref('int_vocabulary__concepts_judged') }})
    -- Of a concept of our own that the site did not append, the vocabulary says nothing.
    and (judged_concepts.is_in_vocabulary or not coalesce(judged_concepts.is_custom, false))
