-- The name alone repeats for components, and a second row would publish the same value twice.
select
    name,
    component,
    count(*) as occurrences
from {{ ref('dicom_attribute') }}
group by name, component
having count(*) > 1
