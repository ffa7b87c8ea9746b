-- Without the variable vocabulary_schema the test above has nothing to check; this one says so.
{{ config(severity='warn') }}

select count(*) as unchecked_concepts
from {{ ref('int_vocabulary__concepts_used') }}
where {{ 'false' if var('vocabulary_schema') else 'true' }} and not is_custom
having count(*) > 0
