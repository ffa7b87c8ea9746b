-- Two names for one tag would be two concepts for one attribute.
select
    tag,
    min(name) as one_name,
    max(name) as other_name
from {{ ref('dicom_attribute') }}
where tag is not null
group by tag
having count(distinct name) > 1
