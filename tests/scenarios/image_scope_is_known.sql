-- A name that the seed does not know would take no image, and say nothing.
with

image_scopes as (
    select * from {{ ref('image_scope') }}
),

asked_for as (
    select unnest(string_to_array('{{ (var("image_scope") or []) | join(",") }}', ',')) as image_scope
)

select asked_for.image_scope
from asked_for
left join image_scopes on asked_for.image_scope = image_scopes.image_scope
where image_scopes.image_scope is null
