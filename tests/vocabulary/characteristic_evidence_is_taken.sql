-- Evidence that the extractor does not take would never speak; SequenceTimes is made of several attributes.
select
    evidence.characteristic,
    evidence.evidence
from {{ ref('characteristic_evidence') }} as evidence
where
    evidence.evidence <> 'SequenceTimes'
    and not exists (
        select 1
        from {{ ref('dicom_attribute') }} as attributes
        where attributes.name = evidence.evidence and attributes.tag is not null and attributes.component is null
    )
