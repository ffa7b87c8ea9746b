"""What the report reads: relations of the built project, each asked for aggregates only, never for a patient's row."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Row = dict[str, Any]
ALL = "select * from {relation}"
# Per measure: the later studies of the lesions that are followed, by days since the first.
LESIONS = """
    select measures.measure, periods.period, count(*) as comparisons, count(distinct lesions.person_id) as persons,
        count(*) filter (where measures.change > 0) as larger, count(*) filter (where measures.change = 0) as unchanged,
        count(*) filter (where measures.change < 0) as smaller,
        round(percentile_cont(0.5) within group (order by measures.change)::numeric, 1) as median_change
    from {relation} as lesions
    cross join lateral (
        values
        ('volume', lesions.volume_change_since_first_percent),
        ('long axis', lesions.long_axis_change_since_first_percent)
    ) as measures (measure, change)
    cross join lateral (
        values
        (1, lesions.days_since_first <= 180),
        (2, lesions.days_since_first between 181 and 365),
        (3, lesions.days_since_first between 366 and 730),
        (4, lesions.days_since_first > 730)
    ) as periods (period, is_in)
    where periods.is_in and measures.change is not null and lesions.study_number > 1
    group by measures.measure, periods.period order by measures.measure desc, periods.period
"""


@dataclass(frozen=True)
class Relation:
    """A model, the layer whose schema holds it, and the question asked of it."""

    name: str
    layer: str
    query: str = ALL
    # A model that a project may not have, or not have yet; the page says so in its place.
    optional: bool = False


RELATIONS = (
    Relation("archive_summary", "analysis"),
    Relation("build_setting", "analysis"),
    Relation("table_rows", "analysis"),
    Relation("table_1", "analysis"),
    Relation("figure_3a", "analysis", ALL + " order by series desc, modality"),
    Relation(
        "figure_3b",
        "analysis",
        "select modality, attributes_of_modality, paper_attributes_of_modality from {relation} group by 1, 2, 3",
    ),
    Relation("linkage", "analysis"),
    Relation("cohort_attrition", "analysis", ALL + " order by step_number"),
    Relation("scenario_1", "analysis", ALL + " order by counted, hypertension desc, has_hypertension desc"),
    Relation("scenario_1_test", "analysis", ALL + " order by counted, hypertension desc"),
    # Reader by reader stays in the table: a group may be one radiologist's.
    Relation(
        "scenario_2",
        "analysis",
        ALL + " where reader_set = 'all readers, nothing merged' order by images desc",
        optional=True,
    ),
    Relation("lesion_over_time", "analysis", LESIONS, optional=True),
    Relation("scenario_3", "analysis", ALL + " order by counted, localizers"),
    Relation("scenario_4", "analysis"),
    Relation("low_dose_ct_by_instances", "analysis", ALL + " order by instances_from"),
    Relation("enhanced_t1_by_thickness", "analysis", ALL + " order by slice_thickness_mm, age_from"),
    Relation("table_2", "analysis", ALL + " order by rule_id"),
    Relation("dq_thresholds_compared", "quality", ALL + " order by rule_id"),
    Relation("dq_result_history", "quality", ALL + " order by run_at, run_id, rule_id"),
    Relation(
        "mapping_coverage",
        "quality",
        """
        select attribute, coalesce(sum(number_of_series), 0)::bigint as series,
            coalesce(sum(number_of_series) filter (where mapped_by = 'none'), 0)::bigint as unmapped_series,
            count(*) as source_values, count(*) filter (where mapped_by = 'none') as unmapped_values
        from {relation} group by attribute order by unmapped_series desc, series desc, attribute
        """,
    ),
    Relation(
        "conflicts",
        "quality",
        "select attribute, count(*) as series from {relation} group by attribute order by series desc, attribute",
    ),
    Relation(
        "rejected_files",
        "quality",
        """
        select outcome, reason, count(*) as files from {relation}
        group by outcome, reason order by outcome desc, files desc, reason
        """,
    ),
    Relation(
        "unavailable_sources",
        "quality",
        "select distinct table_name, column_name, reason from {relation} order by table_name, column_name",
    ),
    Relation(
        "stg_dicom__extract_runs",
        "work",
        """
        select run_id, started_at, extractor_version, identifiers, files_seen, files_unchanged, files_read,
            files_rejected, files_ignored
        from {relation} where status = 'completed'
        -- `annotate` scans folders that hold no DICOM file: the last run that met some is meant.
        order by files_read + files_unchanged > 0 desc, run_id desc limit 1
        """,
    ),
)


class NotBuiltError(LookupError):
    """The database has not the tables that the report reads; the message says which and what to do."""


@dataclass(frozen=True)
class Built:
    """The answers, by the name of the relation, and what the catalogue tells of the rules."""

    rows: dict[str, list[Row]]
    # The view behind each rule and what its page gives as remedy, by rule_id.
    rule_views: dict[str, str]
    remedies: dict[str, str]
    database: str
    server_version: str

    def __getitem__(self, name: str) -> list[Row]:
        return self.rows[name]


def read(connection: psycopg.Connection[Any], schema: str) -> Built:
    """Read all relations of one state of the database.

    Args:
        connection: used for one read-only transaction.
        schema: dbt's target schema, `icdm` unless a profile says otherwise.

    Raises:
        NotBuiltError: a relation that is not optional is not there.
    """
    # One snapshot: a build that runs meanwhile must not part the numbers of the page.
    connection.execute("set transaction isolation level repeatable read, read only")
    found = {
        (str(place), str(name)): comment
        for place, name, comment in connection.execute(
            """
            select namespace.nspname, class.relname, obj_description(class.oid, 'pg_class')
            from pg_catalog.pg_class as class
            inner join pg_catalog.pg_namespace as namespace on class.relnamespace = namespace.oid
            where starts_with(namespace.nspname, %(schema)s) and class.relkind in ('r', 'v', 'm', 'p')
            """,
            {"schema": schema},
        )
    }
    lacking = [
        f"{schema}_{relation.layer}.{relation.name}"
        for relation in RELATIONS
        if not relation.optional and (f"{schema}_{relation.layer}", relation.name) not in found
    ]
    if lacking:
        raise NotBuiltError(
            f"The database {connection.info.dbname} has no {lacking[0]}"
            + (f" and {len(lacking) - 1} more of the tables that the report reads" if lacking[1:] else "")
            + ": run `dbt build` first (or `make demo`), then `make report` again."
        )
    rules = {
        f"DQ-{name[3:5]}": (f"{schema}_quality.{name}", _remedy(comment or ""))
        for (place, name), comment in sorted(found.items())
        if place == f"{schema}_quality" and name[:3] == "dq_" and name[3:5].isdigit()
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = {
            relation.name: cursor.execute(
                sql.SQL(relation.query).format(relation=sql.Identifier(f"{schema}_{relation.layer}", relation.name))
            ).fetchall()
            for relation in RELATIONS
            if (f"{schema}_{relation.layer}", relation.name) in found
        }
    return Built(
        rows={relation.name: rows.get(relation.name, []) for relation in RELATIONS},
        rule_views={rule: view for rule, (view, _) in rules.items()},
        remedies={rule: remedy for rule, (_, remedy) in rules.items()},
        database=connection.info.dbname,
        server_version=connection.info.parameter_status("server_version") or "",
    )


def _remedy(page: str) -> str:
    """Return the paragraph Remedy of a rule's page, which dbt keeps as the comment of its view."""
    for paragraph in page.split("\n\n"):
        if paragraph.strip().startswith("**Remedy:**"):
            return " ".join(paragraph.split()).removeprefix("**Remedy:**").strip()
    return ""
