with

annotation_values as (
    select distinct
        name,
        name_code
    from {{ ref('stg_annotation__values') }}
),

attributes as (
    select * from {{ ref('annotation_attribute') }}
),

attribute_names as (
    select * from {{ ref('annotation_attribute_name') }}
),

-- An attribute is known by its code, else by its name; another one keeps the words of the file.
known as (
    select
        annotation_values.name,
        annotation_values.name_code,
        coalesce(names_of_codes.attribute, attributes.name, names.attribute, annotation_values.name) as attribute
    from annotation_values
    left join attribute_names as names_of_codes
        on {{ normalised('annotation_values.name_code') }} = names_of_codes.source_value
    left join attributes on annotation_values.name = attributes.name
    left join attribute_names as names on {{ normalised('annotation_values.name') }} = names.source_value
)

select
    known.name,
    known.name_code,
    known.attribute,
    attributes.kind
from known
left join attributes on known.attribute = attributes.name
