with

evidence_texts as (
    select * from {{ ref('int_characteristic__evidence_read') }}
),

matched_texts as (
    select * from {{ ref('int_characteristic__texts_matched') }}
),

characteristic_evidence as (
    select * from {{ ref('characteristic_evidence') }}
)

select
    evidence_texts.series_key,
    characteristic_evidence.characteristic,
    characteristic_evidence.evidence,
    characteristic_evidence.place,
    characteristic_evidence.decides,
    evidence_texts.evidence_text,
    matched_texts.value,
    matched_texts.rank
from evidence_texts
inner join characteristic_evidence on evidence_texts.evidence = characteristic_evidence.evidence
inner join matched_texts
    on
        characteristic_evidence.rules = matched_texts.rules
        and characteristic_evidence.characteristic = matched_texts.characteristic
        and evidence_texts.modality = matched_texts.modality
        and evidence_texts.evidence_text = matched_texts.evidence_text
