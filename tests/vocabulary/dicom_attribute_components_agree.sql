-- The components of an attribute come from the same places of the same files and are handled alike.
select name
from {{ ref('dicom_attribute') }}
group by name
having
    count(distinct tag) > 1
    or count(distinct vr) > 1
    or count(distinct level) > 1
    or count(distinct coalesce(path, '')) > 1
    or count(distinct coalesce(also_from, '')) > 1
    or count(distinct kind) > 1
    or count(distinct privacy_action) > 1
    or count(distinct profile) > 1
