with

terms as (
    select * from {{ ref('int_annotation__terms_used') }}
),

mapped as (
    select * from {{ ref('int_annotation__terms_mapped') }}
)

select
    terms.scope,
    terms.term,
    mapped.concept_id,
    mapped.domain_id,
    mapped.mapped_by,
    terms.number_of_uses
from terms
inner join mapped on terms.scope = mapped.scope and terms.term = mapped.term
