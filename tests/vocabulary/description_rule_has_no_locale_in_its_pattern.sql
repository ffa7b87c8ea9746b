-- What \d, \w, \m and the like match depends on the server's locale, and [0-9] does not.
select
    characteristic,
    rank,
    pattern
from {{ ref('description_rule') }}
where pattern ~ '\\[dDwWmMyYsS]|\[\[:'
