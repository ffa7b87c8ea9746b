with

series as (
    select * from {{ ref('scenario_3_series') }}
),

-- Once with localizers and once without, as if those were not there.
series_read as (
    select
        readings.localizers,
        series.imaging_study_id,
        series.is_low_dose,
        series.number_of_instances,
        series.number_of_frames
    from series
    cross join (values ('with'), ('without')) as readings (localizers)
    where readings.localizers = 'with' or not series.is_localizer
),

studies_read as (
    select
        localizers,
        imaging_study_id,
        bool_or(is_low_dose) as is_low_dose,
        sum(number_of_instances) filter (where is_low_dose) as low_dose_instances,
        sum(number_of_frames) filter (where is_low_dose) as low_dose_frames,
        sum(number_of_instances) as all_instances,
        sum(number_of_frames) as all_frames
    from series_read
    group by localizers, imaging_study_id
),

measured as (
    select
        'series' as counted,
        localizers,
        is_low_dose,
        number_of_instances::numeric as instances,
        number_of_frames::numeric as frames
    from series_read
    union all
    select
        'studies, their low-dose series' as counted,
        localizers,
        is_low_dose,
        low_dose_instances as instances,
        low_dose_frames as frames
    from studies_read
    union all
    select
        'studies, all their CT series' as counted,
        localizers,
        is_low_dose,
        all_instances as instances,
        all_frames as frames
    from studies_read
),

readings as (
    select
        counts.counted,
        localizers.localizers
    from
        (
            values ('series'), ('studies, their low-dose series'), ('studies, all their CT series')
        ) as counts (counted)
    cross join (values ('with'), ('without')) as localizers (localizers)
)

select
    readings.counted,
    readings.localizers,
    count(measured.is_low_dose) as ct,
    count(*) filter (where measured.is_low_dose) as low_dose,
    count(*) filter (where measured.is_low_dose and measured.instances > 150) as over_150_instances,
    count(*) filter (where measured.is_low_dose and measured.frames > 150) as over_150_frames,
    (min(measured.instances) filter (where measured.is_low_dose))::bigint as smallest_instances,
    (max(measured.instances) filter (where measured.is_low_dose))::bigint as largest_instances,
    (min(measured.frames) filter (where measured.is_low_dose))::bigint as smallest_frames,
    (max(measured.frames) filter (where measured.is_low_dose))::bigint as largest_frames
from readings
left join measured on readings.counted = measured.counted and readings.localizers = measured.localizers
group by readings.counted, readings.localizers
order by readings.counted, readings.localizers
