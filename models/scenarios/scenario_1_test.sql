with

readings as (
    select * from {{ ref('int_scenario_1__readings') }}
),

patient_groups as (
    select
        counted,
        hypertension,
        has_hypertension,
        count(*) as patients,
        avg(value) as mean,
        var_samp(value) / count(*) as squared_error
    from readings
    group by counted, hypertension, has_hypertension
),

compared as (
    select
        with_it.counted,
        with_it.hypertension,
        with_it.patients as patients_with,
        without_it.patients as patients_without,
        with_it.mean - without_it.mean as difference,
        with_it.squared_error as squared_error_with,
        without_it.squared_error as squared_error_without
    from patient_groups as with_it
    inner join patient_groups as without_it
        on with_it.counted = without_it.counted and with_it.hypertension = without_it.hypertension
    where with_it.has_hypertension and not without_it.has_hypertension
)

-- Satterthwaite's degrees of freedom; both are NULL for a group of one and where nothing varies.
select
    counted,
    hypertension,
    patients_with,
    patients_without,
    round(difference, 4) as difference,
    round(difference / nullif(sqrt(squared_error_with + squared_error_without), 0), 4) as welch_t,
    round(
        power(squared_error_with + squared_error_without, 2)
        / nullif(
            power(squared_error_with, 2) / nullif(patients_with - 1, 0)
            + power(squared_error_without, 2) / nullif(patients_without - 1, 0),
            0
        ),
        2
    ) as degrees_of_freedom
from compared
order by counted, hypertension desc
