-- Under the profile paper scenarios 3 and 4 lack their characteristics and would count 0,
-- and scenario 2 lacks what tracks lesions.
{{ config(severity='warn') }}

with

settings as (
    select '{{ var("attribute_profile") }}' as attribute_profile
)

select attribute_profile
from settings
where attribute_profile <> 'extended'
