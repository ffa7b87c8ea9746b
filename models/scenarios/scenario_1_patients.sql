with

members as (
    select * from {{ ref('int_cohort__members') }}
),

concepts as (
    select * from {{ ref('int_cohort__concepts_expanded') }}
),

exposures as (
    select * from {{ ref('stg_omop__drug_exposures') }}
),

conditions as (
    select * from {{ ref('stg_omop__condition_occurrences') }}
),

observation_periods as (
    select * from {{ ref('stg_omop__observation_periods') }}
),

deaths as (
    select * from {{ ref('stg_omop__deaths') }}
),

studies as (
    select * from {{ ref('cohort_study') }}
),

treated as (
    select
        members.person_id,
        min(exposures.drug_exposure_start_date) as first_osimertinib_on
    from members
    inner join exposures on members.person_id = exposures.person_id
    inner join concepts on exposures.drug_concept_id = concepts.concept_id
    where concepts.concept_set = 'osimertinib'
    group by members.person_id
),

hypertension as (
    select
        conditions.person_id,
        min(conditions.condition_start_date) as first_hypertension_on
    from conditions
    inner join concepts on conditions.condition_concept_id = concepts.concept_id
    where concepts.concept_set = 'hypertension'
    group by conditions.person_id
),

death_dates as (
    select
        person_id,
        min(death_date) as death_date
    from deaths
    group by person_id
),

-- Followed up is who is under observation on the day of the first osimertinib, to the end of that observation.
ends_of_observation as (
    select
        treated.person_id,
        max(observation_periods.observation_period_end_date) as observation_end_date
    from treated
    inner join observation_periods
        on
            treated.person_id = observation_periods.person_id
            and treated.first_osimertinib_on
            between observation_periods.observation_period_start_date
            and observation_periods.observation_period_end_date
    group by treated.person_id
),

ct_studies as (
    select
        person_id,
        study_date,
        has_other_dates
    from studies
    where modality = 'CT'
),

ct_counts as (
    select
        person_id,
        count(*) as ct_studies,
        bool_or(has_other_dates) as has_other_dates
    from ct_studies
    group by person_id
),

follow_ups as (
    select
        treated.person_id,
        treated.first_osimertinib_on,
        least(
            ends_of_observation.observation_end_date,
            death_dates.death_date,
            '{{ var("imaging_to") or "9999-12-31" }}'::date
        ) as follow_up_end_on
    from treated
    inner join ends_of_observation on treated.person_id = ends_of_observation.person_id
    left join death_dates on treated.person_id = death_dates.person_id
    left join ct_counts on treated.person_id = ct_counts.person_id
    where ct_counts.has_other_dates is not true
),

person_time as (
    select
        person_id,
        first_osimertinib_on,
        follow_up_end_on,
        (follow_up_end_on - first_osimertinib_on + 1) / 365.25 as person_years
    from follow_ups
    where follow_up_end_on >= first_osimertinib_on
),

ct_counts_in_follow_up as (
    select
        person_time.person_id,
        count(ct_studies.person_id) as ct_studies
    from person_time
    left join ct_studies
        on
            person_time.person_id = ct_studies.person_id
            and ct_studies.study_date between person_time.first_osimertinib_on and person_time.follow_up_end_on
    group by person_time.person_id
)

select
    treated.person_id,
    treated.first_osimertinib_on,
    hypertension.first_hypertension_on,
    hypertension.first_hypertension_on is not null as has_hypertension_ever,
    coalesce(hypertension.first_hypertension_on < treated.first_osimertinib_on, false) as has_hypertension_before,
    coalesce(ct_counts.ct_studies, 0) as ct_studies,
    person_time.follow_up_end_on,
    person_time.person_years,
    ct_counts_in_follow_up.ct_studies as ct_studies_in_follow_up,
    ct_counts_in_follow_up.ct_studies / person_time.person_years as ct_studies_per_person_year
from treated
left join hypertension on treated.person_id = hypertension.person_id
left join ct_counts on treated.person_id = ct_counts.person_id
left join person_time on treated.person_id = person_time.person_id
left join ct_counts_in_follow_up on treated.person_id = ct_counts_in_follow_up.person_id
