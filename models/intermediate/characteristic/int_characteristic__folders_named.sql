with

series_facts as (
    select * from {{ ref('int_series__facts') }}
),

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

decided as (
    select * from {{ ref('int_characteristic__decided') }}
),

black_blood as (
    select * from {{ ref('int_characteristic__black_blood_stated') }}
),

characteristics as (
    select
        series_key,
        string_agg(value, '-' order by component) filter (where characteristic = 'AnatomicRegion') as region,
        max(value) filter (where characteristic = 'Plane') as plane,
        -- An asterisk is no part of a file name.
        replace(max(value) filter (where characteristic = 'Weighting'), '*', 'STAR') as weighting,
        max(case value when 'YES' then 'CE' else 'NC' end) filter (where characteristic = 'ContrastEnhanced')
            as contrast,
        max(case value when 'YES' then 'LD' end) filter (where characteristic = 'LowDose') as low_dose,
        max(value) filter (where characteristic = 'Reformat') as reformat,
        max('LOC') filter (where characteristic = 'Localizer') as localizer
    from decided
    group by series_key
),

numbers as (
    select
        series_key,
        max({{ number_of('value') }}) filter (where attribute = 'SeriesNumber') as series_number,
        max({{ number_of('value') }}) filter (where attribute = 'SliceThickness') as slice_thickness
    from collapsed_values
    where attribute in ('SeriesNumber', 'SliceThickness') and value is not null
    group by series_key
),

names as (
    select
        series_facts.series_key,
        series_facts.study_instance_uid,
        series_facts.series_instance_uid,
        concat_ws(
            '_',
            case
                when numbers.series_number between 0 and 9999 then to_char(trunc(numbers.series_number), 'FM0000')
                when numbers.series_number between -2147483648 and 2147483647
                    then trunc(numbers.series_number)::bigint::text
                else 'unnumbered'
            end,
            nullif(left(regexp_replace(series_facts.modality, '[^A-Za-z0-9]', '', 'g'), 16), ''),
            characteristics.region,
            characteristics.plane,
            characteristics.weighting,
            characteristics.contrast,
            characteristics.low_dose,
            case black_blood.black_blood when 'POSITIVE' then 'BB' when 'NEGATIVE' then 'NonBB' end,
            characteristics.reformat,
            characteristics.localizer,
            case
                when numbers.slice_thickness > 0 and numbers.slice_thickness < 1000
                    then trim_scale(round(numbers.slice_thickness, 2))::text || 'mm'
            end
        ) as name
    from series_facts
    left join characteristics on series_facts.series_key = characteristics.series_key
    left join black_blood on series_facts.series_key = black_blood.series_key
    left join numbers on series_facts.series_key = numbers.series_key
),

-- A study may give one number twice; some file systems do not tell capitals from small letters.
numbered_names as (
    select
        *,
        row_number() over (
            partition by study_instance_uid, lower(name) order by {{ bytewise('series_instance_uid') }}
        ) as repetition
    from names
)

select
    series_key,
    study_instance_uid,
    name || case when repetition > 1 then '_' || repetition else '' end as folder_name
from numbered_names
