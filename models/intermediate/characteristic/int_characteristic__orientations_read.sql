with

collapsed_values as (
    select * from {{ ref('int_series__values_collapsed') }}
),

annotations as (
    select * from {{ ref('stg_annotation__annotations') }}
),

-- All orientations of a series; of more than a hundred, as in a rotating projection, three stand for all.
orientation_texts as (
    select distinct coalesce(all_values, value || '\' || minimum || '\' || maximum) as orientation_text
    from collapsed_values
    where attribute = 'ImageOrientationPatient' and value is not null
    union
    select image_orientation_patient as orientation_text
    from annotations
    where image_orientation_patient is not null
),

-- Six numbers are one orientation: three cosines of the row, three of the column.
orientations as (
    select
        orientation_texts.orientation_text,
        array_agg({{ number_of('parts.part') }} order by parts.place) as cosines
    from orientation_texts
    cross join
        lateral unnest(string_to_array(orientation_texts.orientation_text, '\'))
        with ordinality as parts (part, place)
    group by orientation_texts.orientation_text, (parts.place - 1) / 6
),

valid_orientations as (
    select
        orientation_text,
        case
            when
                cardinality(cosines) = 6
                and array_position(cosines, null) is null
                and 1.01 >= all(cosines)
                and -1.01 <= all(cosines)
                then cosines
        end as cosines
    from orientations
),

-- The slices lie across the normal of row and column, their cross product; x runs to the left, y to the back, z to the
-- head.
normals as (
    select
        orientation_text,
        cosines[2] * cosines[6] - cosines[3] * cosines[5] as x,
        cosines[3] * cosines[4] - cosines[1] * cosines[6] as y,
        cosines[1] * cosines[5] - cosines[2] * cosines[4] as z
    from valid_orientations
),

squares as (
    select
        orientation_text,
        x * x + y * y + z * z as length_squared,
        x * x as x_squared,
        y * y as y_squared,
        z * z as z_squared
    from normals
),

-- Within 37 degrees of an axis (cosine 0.8, squared 0.64) the plane bears its name, as in common viewers: a tilted
-- brain is axial still. Row and column that are no right angle of unit vectors give no plane.
planes as (
    select
        orientation_text,
        case
            when length_squared is null or length_squared not between 0.9 and 1.1 then 'NONE'
            when z_squared >= 0.64 * length_squared then 'AXIAL'
            when y_squared >= 0.64 * length_squared then 'CORONAL'
            when x_squared >= 0.64 * length_squared then 'SAGITTAL'
            else 'OBLIQUE'
        end as plane
    from squares
)

select
    orientation_text,
    case when count(distinct plane) = 1 then nullif(min(plane), 'NONE') end as plane
from planes
group by orientation_text
