with

series as (
    select * from {{ ref('scenario_4_series') }}
),

readings as (
    select
        series_readings.place,
        series_readings.series_taken,
        age_readings.age_at_diagnosis
    from
        (
            values
            (1, 'MR'),
            (2, 'enhanced T1'),
            (3, 'enhanced T1, at most 1 mm'),
            (4, 'enhanced T1, under 1 mm')
        ) as series_readings (place, series_taken)
    cross join (values ('any'), ('at most 60'), ('under 60')) as age_readings (age_at_diagnosis)
)

select
    readings.series_taken,
    readings.age_at_diagnosis,
    count(series.unique_series_id) as series,
    count(distinct series.imaging_study_id) as studies,
    count(distinct series.person_id) as patients
from readings
left join series
    on
        case readings.series_taken
            when 'MR' then true
            when 'enhanced T1' then series.is_enhanced_t1
            when 'enhanced T1, at most 1 mm' then series.is_enhanced_t1 and series.slice_thickness_mm <= 1
            when 'enhanced T1, under 1 mm' then series.is_enhanced_t1 and series.slice_thickness_mm < 1
        end
        and case readings.age_at_diagnosis
            when 'any' then true
            when 'at most 60' then series.age_at_diagnosis <= 60
            when 'under 60' then series.age_at_diagnosis < 60
        end
group by readings.place, readings.series_taken, readings.age_at_diagnosis
order by readings.place, readings.age_at_diagnosis
