with

members as (
    select * from {{ ref('int_cohort__members') }}
),

studies as (
    select * from {{ ref('imaging_study') }}
),

series as (
    select * from {{ ref('imaging_series') }}
),

image_scopes as (
    select * from {{ ref('image_scope') }}
),

regions as (
    select distinct
        imaging_study_id,
        {{ normalised('value_source_value') }} as region
    from series
    where series_source_value = 'AnatomicRegion' or series_source_value like 'AnatomicRegion[%]'
),

-- Per DICOM PS3.3 C.12.1.1: MODIFIED and REMOVED say that the dates in the file are not those of the patient's care.
studies_with_other_dates as (
    select distinct imaging_study_id
    from series
    where
        series_source_value = 'LongitudinalTemporalInformationModified'
        and {{ normalised('value_source_value') }} in ('MODIFIED', 'REMOVED')
),

asked_for as (
    select unnest(string_to_array('{{ (var("image_scope") or []) | join(",") }}', ',')) as image_scope
),

-- No name at all asks for every image.
nothing_asked_for as (
    select count(*) = 0 as is_true
    from asked_for
),

-- A study of two regions may meet several scopes: of these one that is asked for, else the first.
scopes_met as (
    select
        studies.imaging_study_id,
        coalesce(min(asked_for.image_scope), min(image_scopes.image_scope)) as image_scope,
        count(asked_for.image_scope) > 0 as is_asked_for
    from studies
    inner join image_scopes on {{ normalised('studies.modality_source_value') }} = image_scopes.modality
    inner join regions
        on studies.imaging_study_id = regions.imaging_study_id and image_scopes.region = regions.region
    left join asked_for on image_scopes.image_scope = asked_for.image_scope
    group by studies.imaging_study_id
)

select
    studies.imaging_study_id,
    studies.person_id,
    studies.study_date,
    {{ normalised('studies.modality_source_value') }} as modality,
    scopes_met.image_scope,
    coalesce({{ in_period('studies.study_date', 'imaging') }}, false) as is_in_imaging_period,
    coalesce(scopes_met.is_asked_for, false) or nothing_asked_for.is_true as is_in_image_scope,
    studies_with_other_dates.imaging_study_id is not null as has_other_dates
from studies
inner join members on studies.person_id = members.person_id
cross join nothing_asked_for
left join scopes_met on studies.imaging_study_id = scopes_met.imaging_study_id
left join studies_with_other_dates on studies.imaging_study_id = studies_with_other_dates.imaging_study_id
