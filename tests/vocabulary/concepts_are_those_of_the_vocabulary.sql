-- Every concept id of the seeds is in the site's Athena tables, valid, standard and what the seed says it is.
select * from {{ ref('vocabulary_findings') }}
