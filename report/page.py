"""The page: what was read, counted and drawn, set into the template."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from report import charts, flows
from report.cells import AGES, OTHERS, SERIES_TAKEN, cell_key, counts_of, few, last_runs, text, thickness_of
from report.findings import findings
from report.relations import Built, Row
from report.suppression import UNSAID, Counts, Key

# The rows of scenario 2: label, column, digits; means with the columns that count what they are of.
NODULE_ROWS: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    ("annotated studies", "annotated_studies", 0, ()),
    ("their patients", "annotated_patients", 0, ()),
    ("ground-glass nodules", "ground_glass_nodules", 0, ()),
    ("their patients", "ground_glass_patients", 0, ()),
    ("mean volume, mm³", "mean_volume_mm3", 1, ("ground_glass_nodules", "ground_glass_patients")),
    ("ground-glass nodules with a solid part", "with_solid_part", 0, ()),
    ("their patients", "with_solid_part_patients", 0, ()),
    ("mean volume, mm³", "mean_volume_with_solid_part_mm3", 1, ("with_solid_part", "with_solid_part_patients")),
    ("mean volume of the solid part, mm³", "mean_solid_volume_mm3", 1, ("with_solid_part", "with_solid_part_patients")),
    ("mean share of the solid part", "mean_solid_ratio", 3, ("compared", "with_solid_part_patients")),
    ("correlation of the two volumes", "correlation", 3, ("compared", "with_solid_part_patients")),
    ("solid nodules", "solid_nodules", 0, ()),
    ("their patients", "solid_nodule_patients", 0, ()),
    ("mean volume, mm³", "mean_solid_nodule_volume_mm3", 1, ("solid_nodules", "solid_nodule_patients")),
)
SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def render(built: Built, schema: str, minimum: int) -> str:
    """Return the page as HTML.

    Args:
        built: what the database answered.
        schema: dbt's target schema, for the names of the tables that the page points to.
        minimum: the smallest count that is shown; 0 shows all.
    """
    counts = counts_of(built, minimum)
    cells = _Cells(counts)
    environment = Environment(
        loader=PackageLoader("report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        count=cells.count,
        share=cells.share,
        width=cells.width,
        measure=cells.measure,
        of_groups=cells.of_groups,
        test_measure=cells.test_measure,
        value=cells.plain,
        key=cell_key,
        text=text,
        built=built,
        schema=schema,
        minimum=minimum,
        size=_size,
        parts=_parts,
    )
    return environment.get_template("page.html.j2").render(**_content(built, counts, schema))


class _Cells:
    """The numbers of the page as HTML: each names what it is, in data-cell, so that it can be found again."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def count(self, *key: Any) -> Markup:
        """Return a count, or how it is hidden."""
        name = _key(key)
        shown = self._counts.shown(name)
        if shown.value is None:
            return Markup('<span class="hidden" data-cell="{}">{}</span>').format("|".join(name), shown.text)
        return self.plain(name, shown.value, shown.text)

    def share(self, part: Key, whole: Key, *name: Any) -> Markup:
        """Return a count in percent of another, under the name of the column that has it."""
        return Markup('<span data-share="{}">{}</span>').format("|".join(_key(name)), self._counts.share(part, whole))

    def width(self, part: Key, whole: Key) -> str:
        """Return how long a bar is, in percent; 0 where the count is not shown."""
        one, all_of_it = self._counts.value(part), self._counts.value(whole)
        return f"{100 * one / all_of_it:.1f}%" if one and all_of_it else "0%"

    def measure(self, number: Decimal | None, digits: int, of: Key, *name: Any) -> Markup:
        """Return a mean or the like of a group, hidden with the size of the group."""
        if self._counts.value(of) is None:
            return Markup('<span class="hidden" title="too few">{}</span>').format(UNSAID)
        if number is None:
            return Markup("")
        return self.plain(_key(name), number, f"{number:,.{digits}f}")

    def test_measure(self, row: Row, column: str, digits: int) -> Markup:
        """Return a number of scenario 1's comparison, hidden with the size of either group."""
        names = (row["counted"], row["hypertension"])
        groups = [cell_key("scenario_1", "patients", *names, has) for has in (True, False)]
        return self.of_groups(row[column], digits, groups, "scenario_1_test", column, *names)

    def of_groups(self, number: Decimal | None, digits: int, groups: list[Key], *name: Any) -> Markup:
        """Return a mean or the like, hidden with the size of any of the groups it is of."""
        of = min(groups, key=lambda group: self._counts.value(group) is not None)
        return self.measure(number, digits, of, *name)

    @staticmethod
    def plain(name: Key, value: Any, shown: str | None = None) -> Markup:
        """Return a number that counts no patients' records, as it is."""
        label = shown if shown is not None else f"{value:,}"
        return Markup('<data data-cell="{}" value="{}">{}</data>').format("|".join(_key((name,))), value, label)


def _key(parts: tuple[Any, ...]) -> Key:
    return parts[0] if len(parts) == 1 and isinstance(parts[0], tuple) else cell_key(*parts)


def _content(built: Built, counts: Counts, schema: str) -> dict[str, Any]:
    settings = {row["setting"]: row["value"] for row in built["build_setting"]}
    shown = [row for row in built["figure_3a"] if not few(row, counts.minimum)]
    others = [row["modality"] for row in built["figure_3a"] if few(row, counts.minimum)]
    modalities = [row["modality"] for row in shown] + ([OTHERS] if others else [])
    attributes = sorted(
        (row for row in built["figure_3b"] if row["modality"] not in others),
        key=lambda row: (-row["attributes_of_modality"], row["modality"]),
    )
    ages = sorted({row["age_from"] for row in built["enhanced_t1_by_thickness"]}, key=lambda age: (age is None, age))
    steps = sorted(int(key[2]) for key in counts if key[:2] == ("low_dose_ct_by_instances", "series"))
    runs = _runs(built)
    drawn = {
        "figure_3a": charts.figure_3a(counts, modalities) if modalities else "",
        "figure_3b": charts.figure_3b(attributes) if attributes else "",
        "linkage": charts.linkage(built, counts) if built["linkage"] else "",
        "low_dose": charts.low_dose(counts, steps) if steps else "",
        "thickness": charts.thickness(counts, [text(age) for age in ages]) if ages else "",
        "lesions": charts.lesions(counts, built["lesion_over_time"]) if built["lesion_over_time"] else "",
        "failing_rules": charts.failing_rules(runs) if runs else "",
    }
    return {
        "archive": built["archive_summary"][0],
        "settings": settings,
        "run": next(iter(built["stg_dicom__extract_runs"]), None),
        "versions": {
            "I-CDM on dbt": version("icdm-on-dbt"),
            "dbt": settings.get("dbt"),
            "PostgreSQL": built.server_version,
        },
        "written_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "findings": findings(built, counts, schema),
        "charts": drawn,
        "modalities": modalities,
        "others": others,
        "attributes": attributes,
        "steps": [(step, charts.step_label(step)) for step in steps],
        "ages": [(text(age), charts.age_label(text(age))) for age in ages],
        "thicknesses": [
            label
            for label in charts.thickness_rows()
            if any(thickness_of(row) == label for row in built["enhanced_t1_by_thickness"])
        ],
        "cohort_flows": flows.cohort_flows(built, counts),
        "scenario_flows": {
            1: flows.scenario_1_flow(built, counts),
            3: flows.scenario_3_flow(built, counts),
            4: flows.scenario_4_flow(built, counts),
        },
        "nodule_flows": flows.scenario_2_flows(built, counts),
        "nodule_rows": NODULE_ROWS,
        "nodule_keys": lambda columns, images: [cell_key("scenario_2", column, images) for column in columns],
        "periods": charts.PERIODS,
        "share_of_first": lambda flow, step: flows.share_of_first(counts, flow, step),
        "known": lambda *key: _key(key) in counts,
        "series_taken": SERIES_TAKEN,
        "age_readings": AGES,
        "rules": built["dq_thresholds_compared"],
        "directions": {row["rule_id"]: row["direction"] for row in built["dq_thresholds_compared"]},
        "verdicts": _verdicts(built["dq_thresholds_compared"]),
        "runs": list(reversed(runs)),
        "moved": _moved(built),
    }


def _parts(rows: list[Row], column: str) -> list[tuple[Any, list[Row]]]:
    """Return rows in parts of one value of a column, in the order of first appearance."""
    return [(value, [row for row in rows if row[column] == value]) for value in dict.fromkeys(r[column] for r in rows)]


def _verdicts(rules: list[Row]) -> dict[tuple[str, str], int]:
    """Return how many rules of each nature have each status."""
    return {
        (nature, status): sum((row["nature"], row["status"]) == (nature, status) for row in rules)
        for nature in ("evidence", "invariant")
        for status in ("PASS", "FAIL", "NOT_APPLICABLE")
    }


def _runs(built: Built) -> list[Row]:
    """Return how many rules failed in each of the last runs, the latest last."""
    runs: dict[str, Row] = {}
    for row in built["dq_result_history"]:
        run = runs.setdefault(
            row["run_id"],
            {"run_id": row["run_id"], "run_at": row["run_at"], "rules": 0, "evidence": 0, "invariants": 0},
        )
        run["rules"] += 1
        if row["status"] == "FAIL":
            run["evidence" if row["nature"] == "evidence" else "invariants"] += 1
    return list(runs.values())[-charts.LAST_RUNS :]


def _moved(built: Built) -> list[tuple[Row, Row]]:
    """Return what the rules whose verdict or numbers changed were and are, in the last two runs."""
    by_run: dict[str, dict[str, Row]] = {}
    for row in last_runs(built):
        by_run.setdefault(row["run_id"], {})[row["rule_id"]] = row
    if len(by_run) < 2:
        return []
    before, now = by_run.values()
    return [
        (before[rule], row)
        for rule, row in now.items()
        if rule in before and any(before[rule][column] != row[column] for column in ("status", "checked", "failed"))
    ]


def _size(number: Any) -> str:
    """Return a number of bytes in the largest unit that leaves at least 1, in steps of 1000."""
    rest = float(number)
    for unit in SIZES[:-1]:
        if rest < 1000:
            return f"{rest:,.0f} {unit}" if unit == "bytes" else f"{rest:,.1f} {unit}"
        rest /= 1000
    return f"{rest:,.1f} {SIZES[-1]}"
