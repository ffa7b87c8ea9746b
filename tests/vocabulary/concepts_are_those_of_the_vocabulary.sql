-- Every concept id of the seeds is in the site's Athena tables, valid, standard and what the seed says it is.
-- The targets of the site's own mappings are rule DQ-61's: they are for the site to correct, and stop no build.
select * from {{ ref('vocabulary_findings') }}
where used_in <> 'source_to_concept_map'
