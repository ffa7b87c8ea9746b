select
    kind,
    example
from {{ ref('identifier_pattern') }}
where example !~* pattern
