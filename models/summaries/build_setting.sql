-- dbt keeps no list of its variables that a model could read: a test holds this one and dbt_project.yml equal.
{% set variables = [
    'raw_schema', 'omop_schema', 'vocabulary_schema', 'cohort_schema', 'attribute_profile', 'linkage_window_days',
    'radiology_note_concepts', 'procedure_event_fields', 'study_type_concept_id', 'diagnosis_from', 'diagnosis_to',
    'imaging_from', 'imaging_to', 'image_scope', 'nodule_includes_solid_part', 'atlas_cohort_definition_id',
    'min_cell_count', 'dq_severity',
] %}
with

settings as (
    select
        'run' as kind,
        'run_id' as setting,
        '{{ invocation_id }}' as value
    union all
    select
        'run' as kind,
        'run_at' as setting,
        '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S%z") }}' as value
    union all
    select
        'version' as kind,
        'dbt' as setting,
        '{{ dbt_version }}' as value
    {%- for variable in variables %}
        {%- set chosen = var(variable) %}
        union all
        select
            'variable' as kind,
            '{{ variable }}' as setting,
            {% if chosen is none %}
                null::text
            {% else %}
                '{{ (chosen if chosen is string or chosen is number else chosen | join(", ")) | string
                    | replace("'", "''") }}'
            {% endif %} as value
    {%- endfor %}
)

select
    kind,
    setting,
    value
from settings
