{{ config(unique_key='filepath_id') }}

with

filepaths as (
    select * from {{ ref('int_filepath__rows_identified') }}
)

select
    filepath_id,
    filepath_type_concept_id::integer as filepath_type_concept_id,
    folder_path as filepath,
    substring(folder_path from '[^/]*$') as file_name,
    file_extension,
    file_size,
    9470 as unit_concept_id,
    'byte' as unit_source_value
from filepaths
