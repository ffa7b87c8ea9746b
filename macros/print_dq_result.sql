{# `make dq`: the result table in the terminal, evidence and invariants apart, what failed first. Percentages are cut, not
   rounded: 99.996 is not 100. #}
{% macro print_dq_result() %}
    {%- set result = ref('dq_result') -%}
    {%- if not adapter.get_relation(result.database, result.schema, result.identifier) -%}
        {%- do exceptions.raise_compiler_error(
            result ~ " is not there yet: run `dbt build --selector nightly` first"
        ) -%}
    {%- endif -%}
    {%- set rows = run_query("
        select
            results.nature,
            results.rule_id,
            results.status,
            to_char(results.checked, 'FM999G999G999G990') as checked,
            to_char(results.failed, 'FM999G999G999G990') as failed,
            coalesce(trunc(results.percent_passed, 2)::text, '') as percent_passed,
            case rules.direction when 'below' then '< ' else '>= ' end || results.threshold_pct
            || case rules.direction when 'below' then ' failed' else '' end as threshold,
            coalesce(excepted.open_exceptions::text, '') as excepted,
            results.cdm_table || '.' || results.concept as what,
            rules.requires,
            to_char(results.run_at, 'YYYY-MM-DD HH24:MI') as run_at,
            results.run_id
        from " ~ result ~ " as results
        inner join " ~ ref('dq_rule') ~ " as rules on results.rule_id = rules.rule_id
        left join (
            select rule_id, sum(number_of_violations) as open_exceptions
            from " ~ ref('dq_exceptions') ~ "
            where status = 'open'
            group by rule_id
        ) as excepted on results.rule_id = excepted.rule_id
        order by results.nature, array_position(array['FAIL', 'PASS', 'NOT_APPLICABLE'], results.status), results.rule_id
    ").rows -%}
    {%- set views = dict() -%}
    {%- for view in rule_views() -%}
        {%- do views.update({"DQ-" ~ view[3:5]: view}) -%}
    {%- endfor -%}
    {%- set line = "{:32} {:14} {:>13} {:>11} {:>8} {:>12} {:>8}  {}" -%}
    {%- do print("Data quality of the build at " ~ rows[0]["run_at"] ~ " (" ~ rows[0]["run_id"] ~ ")") -%}
    {%- for nature, title in [
        ("evidence", "EVIDENCE: what the archive and the CDM say of themselves"),
        ("invariant", "INVARIANTS: what the build itself promises")
    ] -%}
        {%- do print("\n" ~ title) -%}
        {%- do print(line.format("rule, with the name of its view", "status", "checked", "failed", "passed %", "threshold", "excepted", "what")) -%}
        {%- for row in rows if row["nature"] == nature -%}
            {%- do print(line.format(
                views[row["rule_id"]], row["status"], row["checked"], row["failed"], row["percent_passed"], row["threshold"],
                row["excepted"], row["what"]
                ~ (" (requires " ~ row["requires"] ~ ")" if row["requires"] and row["status"] == "NOT_APPLICABLE" else "")
            )) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do print("\nThe records of a rule: select * from " ~ result.schema ~ ".<rule> where is_violation; its page: make docs") -%}
{% endmacro %}
