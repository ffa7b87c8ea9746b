-- depends_on: {{ ref('stg_dicom__raw_state') }}
with

source as (
    select * from {{ source('icdm_raw', 'annotation') }}
),

renamed as (
    select
        folder_key,
        file_name,
        annotation_number,
        label,
        finding_code,
        category_code,
        site_code,
        laterality_code,
        tracking_id,
        tracking_uid,
        study_instance_uid,
        series_instance_uid,
        frame_of_reference_uid,
        image_orientation_patient,
        annotated_at,
        generation,
        algorithm_name,
        annotation_system,
        annotator_key,
        problem
    from source
)

select * from renamed
