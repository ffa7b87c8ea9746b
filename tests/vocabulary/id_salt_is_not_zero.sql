-- 0 is the salt of every input that is not listed, so such a row resolves no collision.
select
    kind,
    id_input
from {{ ref('id_salt') }}
where salt = 0
