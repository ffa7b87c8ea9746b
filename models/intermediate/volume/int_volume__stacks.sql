{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[{'columns': ['series_key']}],
        pre_hook="
            {% if is_incremental() %}
            delete from {{ this }} as stacks
            where not exists (
                select 1 from {{ ref('int_series__states') }} as states
                where states.series_key = stacks.series_key and states.state = stacks.state
            )
            {% endif %}"
    )
}}

with

series_states as (
    select * from {{ ref('int_series__states') }}
),

instances as (
    select * from {{ ref('int_series__instances_published') }}
),

header_values as (
    select * from {{ ref('stg_dicom__header_values') }}
),

layouts as (
    select * from {{ ref('stg_dicom__header_layouts') }}
),

split_attributes as (
    select * from (
        values
        ('AcquisitionContrast'),
        ('Columns'),
        ('ComplexImageComponent'),
        ('ConvolutionKernel'),
        ('DiffusionBValue'),
        ('EchoTime'),
        ('FlipAngle'),
        ('ImageType'),
        ('InversionTime'),
        ('Rows'),
        ('SequenceName')
    ) as split_attributes (attribute)
),

changed_series as (
    select
        series_states.series_key,
        series_states.state
    from series_states
    {% if is_incremental() %}
        where not exists (
            select 1 from {{ this }} as stacks
            where stacks.series_key = series_states.series_key
        )
    {% endif %}
),

-- What tells one stack of a series from another, as far as all instances of a header have it in common.
headers as (
    select
        header_values.series_key,
        header_values.header_key,
        max(header_values.value) filter (where header_values.attribute = 'ImageOrientationPatient') as orientation,
        string_agg(
            header_values.attribute || '=' || header_values.value, '|'
            order by {{ bytewise('header_values.attribute') }}
        ) filter (where split_attributes.attribute is not null) as split_text
    from header_values
    inner join changed_series on header_values.series_key = changed_series.series_key
    left join split_attributes on header_values.attribute = split_attributes.attribute
    where header_values.attribute = 'ImageOrientationPatient' or split_attributes.attribute is not null
    group by header_values.series_key, header_values.header_key
),

cosines as (
    select
        series_key,
        header_key,
        split_text,
        {{ number_of("split_part(orientation, '\\', 1)") }}::double precision as row_x,
        {{ number_of("split_part(orientation, '\\', 2)") }}::double precision as row_y,
        {{ number_of("split_part(orientation, '\\', 3)") }}::double precision as row_z,
        {{ number_of("split_part(orientation, '\\', 4)") }}::double precision as column_x,
        {{ number_of("split_part(orientation, '\\', 5)") }}::double precision as column_y,
        {{ number_of("split_part(orientation, '\\', 6)") }}::double precision as column_z
    from headers
),

normals as (
    select
        *,
        row_y * column_z - row_z * column_y as normal_x,
        row_z * column_x - row_x * column_z as normal_y,
        row_x * column_y - row_y * column_x as normal_z
    from cosines
),

placed as (
    select
        instances.series_key,
        instances.header_key,
        instances.sop_instance_uid,
        instances.instance_number,
        coalesce(instances.number_of_frames, 1) as number_of_frames,
        coalesce(instances.instance_values[array_position(layouts.instance_attributes, 'DiffusionBValue')], '')
            as b_value,
        coalesce(
            instances.instance_values[array_position(layouts.instance_attributes, 'TemporalPositionIdentifier')], ''
        ) as time_point,
        coalesce(instances.instance_values[array_position(layouts.instance_attributes, 'AcquisitionNumber')], '')
            as acquisition,
        {{ number_of("split_part(instances.image_position_patient, '\\', 1)") }}::double precision as position_x,
        {{ number_of("split_part(instances.image_position_patient, '\\', 2)") }}::double precision as position_y,
        {{ number_of("split_part(instances.image_position_patient, '\\', 3)") }}::double precision as position_z
    from instances
    inner join changed_series on instances.series_key = changed_series.series_key
    left join layouts on instances.layout_id = layouts.layout_id
),

-- Along the normal, along the rows and along the columns of the image, in mm (PS3.3 C.7.6.2.1.1).
slices as (
    select
        placed.series_key,
        placed.sop_instance_uid,
        placed.instance_number,
        placed.number_of_frames,
        placed.time_point,
        placed.acquisition,
        md5(
            coalesce(normals.split_text, '') || '|' || placed.b_value || '|'
            || coalesce(round(normals.normal_x::numeric, 3)::text, '') || '|'
            || coalesce(round(normals.normal_y::numeric, 3)::text, '') || '|'
            || coalesce(round(normals.normal_z::numeric, 3)::text, '') || '|'
            || coalesce(round(normals.row_x::numeric, 3)::text, '') || '|' || (placed.number_of_frames > 1)
        ) as stack_key,
        placed.position_x * normals.normal_x
        + placed.position_y * normals.normal_y
        + placed.position_z * normals.normal_z as along_normal,
        placed.position_x * normals.row_x
        + placed.position_y * normals.row_y
        + placed.position_z * normals.row_z as along_rows,
        placed.position_x * normals.column_x
        + placed.position_y * normals.column_y
        + placed.position_z * normals.column_z as along_columns
    from placed
    left join normals on placed.series_key = normals.series_key and placed.header_key = normals.header_key
),

slices_placed as (
    select
        *,
        round(along_normal::numeric, 2) as place
    from slices
),

-- Where a number changes with nearly every place, it counts slices, and tells no volumes apart.
time_points_judged as (
    select
        series_key,
        stack_key,
        2 * count(distinct time_point) <= count(distinct time_point || '|' || place) as is_of_volumes
    from slices_placed
    group by series_key, stack_key
),

slices_of_time_points as (
    select
        slices_placed.series_key,
        slices_placed.sop_instance_uid,
        slices_placed.instance_number,
        slices_placed.number_of_frames,
        slices_placed.acquisition,
        slices_placed.along_normal,
        slices_placed.along_rows,
        slices_placed.along_columns,
        slices_placed.place,
        case
            when time_points_judged.is_of_volumes then md5(slices_placed.stack_key || '|' || slices_placed.time_point)
            else slices_placed.stack_key
        end as stack_key
    from slices_placed
    inner join time_points_judged
        on
            slices_placed.series_key = time_points_judged.series_key
            and slices_placed.stack_key = time_points_judged.stack_key
),

slices_spaced as (
    select
        *,
        along_normal - lag(along_normal) over (
            partition by series_key, stack_key
            order by along_normal
        ) as spacing
    from slices_of_time_points
),

-- An axial CT counts every rotation and an MR every pass of interleaved slices: what is one even volume stays together.
acquisitions_judged as (
    select
        series_key,
        stack_key,
        2 * count(distinct acquisition) <= count(distinct acquisition || '|' || place)
        and not coalesce(
            {{
                evenly_spaced(
                    'min(spacing)', 'percentile_cont(0.5) within group (order by spacing)', 'max(spacing)'
                )
            }},
            true
        ) as is_of_volumes
    from slices_spaced
    group by series_key, stack_key
),

slices_of_stacks as (
    select
        slices_spaced.series_key,
        slices_spaced.sop_instance_uid,
        slices_spaced.instance_number,
        slices_spaced.number_of_frames,
        slices_spaced.along_normal,
        slices_spaced.along_rows,
        slices_spaced.along_columns,
        slices_spaced.place,
        case
            when acquisitions_judged.is_of_volumes then md5(slices_spaced.stack_key || '|' || slices_spaced.acquisition)
            else slices_spaced.stack_key
        end as stack_key
    from slices_spaced
    inner join acquisitions_judged
        on
            slices_spaced.series_key = acquisitions_judged.series_key
            and slices_spaced.stack_key = acquisitions_judged.stack_key
),

-- The second image at a place belongs to the second volume: another point in time, which many headers do not name.
volumes_numbered as (
    select
        *,
        row_number() over (
            partition by series_key, stack_key, place
            order by instance_number, {{ bytewise('sop_instance_uid') }}
        ) as volume_number
    from slices_of_stacks
),

neighbours as (
    select
        *,
        along_normal - lag(along_normal) over (
            partition by series_key, stack_key, volume_number
            order by along_normal
        ) as spacing,
        count(*) over (partition by series_key, stack_key, volume_number) as images_of_volume
    from volumes_numbered
),

measured as (
    select
        series_key,
        stack_key,
        count(*) as number_of_instances,
        count(*) filter (where volume_number = 1) as number_of_positions,
        max(volume_number) as number_of_volumes,
        min(images_of_volume) <> max(images_of_volume) as has_uneven_volumes,
        bool_or(number_of_frames > 1) as is_multi_frame,
        bool_or(along_normal is null) as lacks_geometry,
        min(spacing) as smallest_spacing,
        max(spacing) as largest_spacing,
        percentile_cont(0.5) within group (order by spacing) as median_spacing,
        greatest(max(along_rows) - min(along_rows), max(along_columns) - min(along_columns)) as drift
    from neighbours
    group by series_key, stack_key
)

select
    measured.series_key,
    measured.stack_key,
    measured.number_of_instances,
    measured.number_of_positions,
    measured.number_of_volumes,
    round(measured.smallest_spacing::numeric, 4) as smallest_spacing,
    round(measured.median_spacing::numeric, 4) as median_spacing,
    round(measured.largest_spacing::numeric, 4) as largest_spacing,
    round(measured.drift::numeric, 4) as drift,
    case
        when measured.is_multi_frame then 'multi-frame'
        when measured.lacks_geometry then 'no geometry'
        when measured.number_of_positions = 1 then 'one position'
        when measured.has_uneven_volumes then 'duplicate position'
        when measured.largest_spacing > 1.5 * measured.median_spacing then 'gap'
        when
            not {{ evenly_spaced('measured.smallest_spacing', 'measured.median_spacing', 'measured.largest_spacing') }}
            then 'uneven spacing'
        when measured.drift > 1 then 'slanted'
        else 'regular'
    end as verdict,
    changed_series.state
from measured
inner join changed_series on measured.series_key = changed_series.series_key
