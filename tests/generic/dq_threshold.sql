{# The one test of a data-quality rule: the violating records of its view, where dq_result says that they are too many. The
   EXISTS hangs on nothing in the view, so PostgreSQL answers it first and does not scan the view of a rule that passes.
   A rule of evidence warns, since what an archive holds is a finding and no fault of the build; an invariant is an error. The
   variable dq_severity (warn or error) goes before both. #}
{% test dq_threshold(model, rule_id, default_severity) %}
{{ config(severity=var('dq_severity') or default_severity, tags=['data_quality'], meta={'rule_id': rule_id}) }}
select
    record_key,
    observed
from {{ model }}
where
    is_violation is not false
    and exists (select 1 from {{ ref('dq_result') }} where rule_id = '{{ rule_id }}' and status = 'FAIL')
{% endtest %}
