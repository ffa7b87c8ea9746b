-- A site appends these rows to its CONCEPT table, whose columns have these widths in OMOP CDM 5.4.
select
    concept_id,
    concept_name
from {{ ref('custom_concept') }}
where
    length(concept_name) > 255
    or length(domain_id) > 20
    or length(vocabulary_id) > 20
    or length(concept_class_id) > 20
    or length(concept_code) > 50
    or length(invalid_reason) > 1
    or valid_end_date < valid_start_date
