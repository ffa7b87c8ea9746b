with

pairs as (
    select * from {{ ref('int_linkage__pairs') }}
),

-- One procedure serves one study, and rows of one person, day and concept (order and performed) are one candidate.
taken_by_crosswalk as (
    select distinct
        person_id,
        procedure_date,
        procedure_concept_id
    from pairs
    where linked_by <> 'date'
),

agreeing as (
    select distinct
        study_instance_uid,
        person_id,
        procedure_date,
        procedure_concept_id,
        abs(day_distance) as days_apart,
        -- The same day before the window, a region that agrees before one that is not known.
        case when day_distance = 0 then 1 else 3 end + case when region_agrees then 0 else 1 end as grade
    from pairs
    where
        linked_by = 'date'
        and modality_agrees
        and region_agrees is distinct from false
        and not exists (
            select 1 from taken_by_crosswalk
            where
                taken_by_crosswalk.person_id = pairs.person_id
                and taken_by_crosswalk.procedure_date = pairs.procedure_date
                and taken_by_crosswalk.procedure_concept_id = pairs.procedure_concept_id
        )
),

days_compared as (
    select
        *,
        min(days_apart) over (
            partition by person_id, procedure_date, procedure_concept_id
        ) as fewest_days_apart
    from agreeing
),

-- A procedure that has a study of its own day is not for a study of another.
grades_compared as (
    select
        *,
        min(grade) over (partition by study_instance_uid) as best_grade
    from days_compared
    where days_apart = 0 or fewest_days_apart > 0
),

best_of_study as (
    select
        *,
        count(*) over (partition by study_instance_uid) as candidates,
        min(grade) over (partition by person_id, procedure_date, procedure_concept_id) as best_grade_of_candidate
    from grades_compared
    where grade = best_grade
),

rivals_counted as (
    select
        *,
        count(*) filter (where grade = best_grade_of_candidate)
            over (partition by person_id, procedure_date, procedure_concept_id) as studies_that_ask
    from best_of_study
)

select
    study_instance_uid,
    person_id,
    procedure_date,
    procedure_concept_id,
    case when days_apart = 0 then 2 else 3 end as tier,
    candidates,
    studies_that_ask,
    candidates = 1 and grade = best_grade_of_candidate and studies_that_ask = 1 as is_linked
from rivals_counted
