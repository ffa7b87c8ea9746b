-- Files that were read with an earlier attribute seed lack its new attributes until `icdm-extract scan` runs again.
{{ config(severity='warn') }}

select count(*) as waiting_files
from {{ ref('stg_dicom__instances') }} as instances
inner join {{ ref('stg_dicom__header_layouts') }} as layouts on instances.layout_id = layouts.layout_id
where not layouts.is_current
having count(*) > 0
