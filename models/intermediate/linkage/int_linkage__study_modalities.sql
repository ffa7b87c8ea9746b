with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

voted_modalities as (
    select * from {{ ref('int_study__modality_voted') }}
),

mappings as (
    select * from {{ ref('int_vocabulary__mappings_chosen') }}
    where attribute = 'Modality' and concept_id <> 0 and coalesce(domain_id, 'Procedure') = 'Procedure'
),

-- Objects that are no images, localizers and screen saves have no say.
image_modalities as (
    select distinct
        study_instance_uid,
        modality
    from series_facts
    where votes and modality is not null
)

select
    image_modalities.study_instance_uid,
    mappings.concept_id as modality_concept_id,
    bool_or(image_modalities.modality = voted_modalities.modality) as is_voted
from image_modalities
inner join mappings on {{ normalised('image_modalities.modality') }} = mappings.source_value
inner join voted_modalities on image_modalities.study_instance_uid = voted_modalities.study_instance_uid
group by image_modalities.study_instance_uid, mappings.concept_id
