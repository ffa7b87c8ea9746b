with

patients as (
    select * from {{ ref('scenario_1_patients') }}
)

-- Every patient under both meanings of hypertension and both ways of counting; no person-time, no rate.
select
    patients.person_id,
    hypertension_readings.hypertension,
    hypertension_readings.has_hypertension,
    count_readings.counted,
    count_readings.ct_studies,
    count_readings.person_years,
    count_readings.value
from patients
cross join
    lateral (
        values
        ('ever', patients.has_hypertension_ever),
        ('before the first osimertinib', patients.has_hypertension_before)
    ) as hypertension_readings (hypertension, has_hypertension)
cross join
    lateral (
        values
        ('all follow-up', patients.ct_studies, null::numeric, patients.ct_studies::numeric),
        (
            'per person-year',
            patients.ct_studies_in_follow_up,
            patients.person_years,
            patients.ct_studies_per_person_year
        )
    ) as count_readings (counted, ct_studies, person_years, value)
where count_readings.value is not null
