with

studies as (
    select * from {{ ref('imaging_study') }}
),

persons as (
    select * from {{ ref('stg_omop__persons') }}
),

dated as (
    select
        studies.imaging_study_id,
        studies.study_date,
        persons.year_of_birth,
        persons.month_of_birth,
        case when persons.month_of_birth is not null then persons.day_of_birth end as day_of_birth
    from studies
    left join persons on studies.person_id = persons.person_id
)

select
    imaging_study_id::text as record_key,
    coalesce(to_char(study_date, 'YYYY-MM-DD'), 'no date')
    || coalesce(', born ' || year_of_birth, '')
    || coalesce('-' || month_of_birth, '')
    || coalesce('-' || day_of_birth, '') as observed,
    coalesce(
        study_date > current_date + 1
        or (
            year_of_birth is not null
            and (extract(year from study_date), extract(month from study_date), extract(day from study_date))
            < (year_of_birth, coalesce(month_of_birth, 1), coalesce(day_of_birth, 1))
        ),
        true
    ) as is_violation
from dated
