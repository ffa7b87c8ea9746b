with

annotations as (
    select * from {{ ref('int_annotation__annotations_identified') }}
),

annotation_values as (
    select * from {{ ref('stg_annotation__values') }}
),

names as (
    select * from {{ ref('int_annotation__names_known') }}
),

-- What a file says of an annotation beside its values. Each has one at most, so it needs no position. A word instead
-- of a code is a meaning alone (^^nodule), and is published as the word it is.
said_once as (
    select
        annotations.id_input as annotation_input,
        fields.attribute,
        fields.value,
        fields.value_code
    from annotations
    cross join
        lateral (
            values
            ('AnnotationNumber', annotations.annotation_number::text, null),
            (
                'AnnotationText',
                coalesce(
                    annotations.label,
                    nullif(split_part(annotations.finding_code, '^', 3), ''),
                    nullif(split_part(annotations.finding_code, '^', 1), '')
                ),
                case when annotations.label is null then annotations.finding_code end
            ),
            ('Finding', regexp_replace(annotations.finding_code, '^\^\^', ''), annotations.finding_code),
            ('FindingCategory', regexp_replace(annotations.category_code, '^\^\^', ''), annotations.category_code),
            ('FindingSite', regexp_replace(annotations.site_code, '^\^\^', ''), annotations.site_code),
            ('Laterality', regexp_replace(annotations.laterality_code, '^\^\^', ''), annotations.laterality_code),
            ('TrackingID', annotations.tracking_id, null),
            ('TrackingUID', annotations.tracking_uid, null)
        ) as fields (attribute, value, value_code)
    where fields.value is not null
),

stated as (
    select
        annotations.id_input as annotation_input,
        annotation_values.value_number,
        names.attribute,
        annotation_values.name_code,
        coalesce(regexp_replace(annotation_values.value_code, '^\^\^', ''), annotation_values.value_text) as value,
        annotation_values.value_code,
        annotation_values.value_as_number,
        annotation_values.unit,
        annotation_values.origin,
        annotation_values.method
    from annotation_values
    inner join annotations
        on
            annotation_values.folder_key = annotations.folder_key
            and annotation_values.file_name = annotations.file_name
            and annotation_values.annotation_number = annotations.annotation_number
    inner join names
        on
            annotation_values.name = names.name
            and coalesce(annotation_values.name_code, '') = coalesce(names.name_code, '')
),

-- What a value repeats of its annotation is said once.
named as (
    select
        said_once.annotation_input,
        null::integer as value_number,
        said_once.attribute,
        null as name_code,
        said_once.value,
        said_once.value_code,
        null::numeric as value_as_number,
        null as unit,
        'stated' as origin,
        null as method
    from said_once
    union all
    select
        stated.annotation_input,
        stated.value_number,
        stated.attribute,
        stated.name_code,
        stated.value,
        stated.value_code,
        stated.value_as_number,
        stated.unit,
        stated.origin,
        stated.method
    from stated
    left join said_once
        on
            stated.annotation_input = said_once.annotation_input
            and stated.attribute = said_once.attribute
            and stated.value = said_once.value
    where said_once.annotation_input is null
)

select * from named
