with

diagnoses as (
    select * from {{ ref('int_cohort__diagnoses') }}
),

observation_periods as (
    select * from {{ ref('stg_omop__observation_periods') }}
),

deaths as (
    select * from {{ ref('stg_omop__deaths') }}
),

atlas_cohorts as (
    select * from {{ ref('stg_omop__cohorts') }}
),

death_dates as (
    select
        person_id,
        min(death_date) as death_date
    from deaths
    group by person_id
),

-- The period of observation that the diagnosis falls into; where a site lets them overlap, the one that lasts longest.
ends_of_observation as (
    select
        diagnoses.person_id,
        max(observation_periods.observation_period_end_date) as observation_end_date
    from diagnoses
    inner join observation_periods
        on
            diagnoses.person_id = observation_periods.person_id
            and diagnoses.diagnosis_date
            between observation_periods.observation_period_start_date
            and observation_periods.observation_period_end_date
    group by diagnoses.person_id
),

computed as (
    select
        1::bigint as cohort_definition_id,
        diagnoses.person_id as subject_id,
        diagnoses.diagnosis_date as cohort_start_date,
        greatest(
            coalesce(
                least(ends_of_observation.observation_end_date, death_dates.death_date), diagnoses.diagnosis_date
            ),
            diagnoses.diagnosis_date
        ) as cohort_end_date
    from diagnoses
    left join ends_of_observation on diagnoses.person_id = ends_of_observation.person_id
    left join death_dates on diagnoses.person_id = death_dates.person_id
    where
        diagnoses.age_at_diagnosis >= 18
        and {{ in_period('diagnoses.diagnosis_date', 'diagnosis') }}
),

-- One of the two: that of ATLAS where the variable names one, else the project's own.
chosen as (
    select cast({{ var('atlas_cohort_definition_id') or 'null' }} as bigint) as atlas_cohort_definition_id
)

select
    computed.cohort_definition_id,
    computed.subject_id,
    computed.cohort_start_date,
    computed.cohort_end_date
from computed
cross join chosen
where chosen.atlas_cohort_definition_id is null
union all
select
    atlas_cohorts.cohort_definition_id,
    atlas_cohorts.subject_id,
    atlas_cohorts.cohort_start_date,
    atlas_cohorts.cohort_end_date
from atlas_cohorts
inner join chosen on atlas_cohorts.cohort_definition_id = chosen.atlas_cohort_definition_id
