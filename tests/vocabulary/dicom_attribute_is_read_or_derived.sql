-- Without a tag the models derive the attribute, and no file has a place for it; with one, its value representation is
-- known.
select
    name,
    tag,
    vr,
    path,
    also_from
from {{ ref('dicom_attribute') }}
where
    (tag is null and coalesce(vr, path, also_from) is not null)
    or (tag is not null and vr is null)
