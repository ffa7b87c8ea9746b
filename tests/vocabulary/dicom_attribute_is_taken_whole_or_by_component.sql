-- Both at once would publish an attribute twice under one concept; components count from 1.
select
    name,
    min(component) as first_component,
    count(*) as occurrences,
    count(component) as components
from {{ ref('dicom_attribute') }}
group by name
having count(component) not in (0, count(*)) or min(component) < 1
