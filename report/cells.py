"""The counts of the page and how they belong together: what `suppression` needs to know of each relation.

A count is named by its relation, its column and the values of the relation's key: `("figure_3a", "studies", "CT")`.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from report.relations import Built, Row
from report.suppression import Counts, Key

OTHERS = "others"
# The bins of slice thickness in the picture of scenario 4: label, and up to how many mm.
THICKNESSES = (("under 1", 0.99), ("1", 1.0), ("over 1 to 3", 3.0), ("over 3 to 5", 5.0), ("over 5", float("inf")))
NO_THICKNESS = "not stated"
# Low-dose CT series beyond this many instances are one step of the picture.
LAST_STEP = 951
AGES = ("any", "at most 60", "under 60")
SERIES_TAKEN = ("MR", "enhanced T1", "enhanced T1, at most 1 mm", "enhanced T1, under 1 mm")
SCENARIO_1_COLUMNS = ("patients", "patients_without_ct", "ct_studies")
SCENARIO_2_COLUMNS = (
    "annotated_studies",
    "annotated_patients",
    "ground_glass_nodules",
    "ground_glass_patients",
    "with_solid_part",
    "with_solid_part_patients",
    "compared",
    "solid_parts_without_nodule",
    "solid_nodules",
    "solid_nodule_patients",
    "solid_nodules_of_patients_without_ground_glass",
)
SCENARIO_3_COLUMNS = ("ct", "low_dose", "over_150_instances", "over_150_frames")


def text(value: Any) -> str:
    """Return a value of a key as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def cell_key(relation: str, column: str, *row: Any) -> Key:
    """Return the name of a count."""
    return (relation, column, *(text(value) for value in row))


def thickness_of(row: Row) -> str:
    """Return the bin of a row of enhanced_t1_by_thickness."""
    if row["slice_thickness_mm"] is None:
        return NO_THICKNESS
    return next(label for label, most in THICKNESSES if float(row["slice_thickness_mm"]) <= most)


def step_of(row: Row) -> int:
    """Return the step of a row of low_dose_ct_by_instances, by its fewest instances."""
    return min(int(row["instances_from"]), LAST_STEP)


def summed(rows: Iterable[tuple[tuple[str, ...], int]]) -> dict[tuple[str, ...], int]:
    """Add up what falls into one bin, in the order of first appearance."""
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    for bin_of_row, value in rows:
        sums[bin_of_row] += value
    return dict(sums)


def few(row: Row, minimum: int) -> bool:
    """Tell whether a modality has so few studies or series that it stands among the others."""
    return any(0 < row[column] < minimum for column in ("studies", "series"))


def counts_of(built: Built, minimum: int) -> Counts:
    """Return all counts of the page, those hidden that must be."""
    counts = Counts(minimum)
    _archive(counts, built)
    _table_1(counts, built)
    _modalities(counts, built, minimum)
    _linkage(counts, built)
    _cohort(counts, built)
    _scenario_1(counts, built)
    _scenario_2(counts, built)
    _scenario_3(counts, built)
    _scenario_4(counts, built)
    _rules(counts, built)
    _left_out(counts, built)
    counts.hide()
    return counts


def _archive(counts: Counts, built: Built) -> None:
    for row in built["archive_summary"]:
        for column in ("patient_ids", "persons", "studies", "series", "instances", "frames", "studies_without_date"):
            counts.add(("archive_summary", column), row[column], keep=True)
        counts.rest(("archive_summary", "studies"), ("archive_summary", "studies_without_date"))
    for row in built["table_rows"]:
        key = counts.add(cell_key("table_rows", "number_of_rows", row["cdm_table"]), row["number_of_rows"], keep=True)
        if row["cdm_table"] == "imaging_study":
            counts.same(key, ("archive_summary", "studies"))


def _table_1(counts: Counts, built: Built) -> None:
    for row in built["table_1"]:
        names = (row["cdm_table"], row["concept"])
        records, filled, different = (
            counts.add(cell_key("table_1", column, *names), row[column], keep=column == "records")
            for column in ("records", "records_with_data", "unique_values")
        )
        counts.rest(records, filled)
        counts.limit(different, filled)
        if row["cdm_table"] == "IMAGING_STUDY":
            counts.same(records, ("archive_summary", "studies"))
        elif row["cdm_table"] == "IMAGING_SERIES":
            counts.rest(("archive_summary", "series"), records)
    person = cell_key("table_1", "unique_values", "IMAGING_STUDY", "person")
    if person in counts:
        counts.same(person, ("archive_summary", "persons"))


def _modalities(counts: Counts, built: Built, minimum: int) -> None:
    for column in ("studies", "series"):
        sums = summed(((OTHERS if few(row, minimum) else row["modality"],), row[column]) for row in built["figure_3a"])
        parts = [counts.add(cell_key("figure_3a", column, *name), value) for name, value in sums.items()]
        counts.total(("archive_summary", column), parts)


def _linkage(counts: Counts, built: Built) -> None:
    for link in dict.fromkeys(row["link"] for row in built["linkage"]):
        outcomes = {}
        for outcome in ("linked", "not linked"):
            rows = [row for row in built["linkage"] if (row["link"], row["outcome"]) == (link, outcome)]
            parts = [
                counts.add(cell_key("linkage", "studies", link, outcome, row["how"]), row["studies"]) for row in rows
            ]
            outcomes[outcome] = counts.add(
                cell_key("linkage", "studies", link, outcome), sum(r["studies"] for r in rows)
            )
            counts.total(outcomes[outcome], parts)
        counts.total(("archive_summary", "studies"), outcomes.values())
        table_1 = cell_key("table_1", "records_with_data", "IMAGING_STUDY", link)
        if table_1 in counts:
            counts.same(outcomes["linked"], table_1)


def _cohort(counts: Counts, built: Built) -> None:
    before: Row | None = None
    for row in built["cohort_attrition"]:
        key = counts.add(cell_key("cohort_attrition", "remaining", row["step_number"]), row["remaining"])
        if before is not None and before["counted"] == row["counted"]:
            counts.rest(
                cell_key("cohort_attrition", "remaining", before["step_number"]),
                key,
                cell_key("cohort_attrition", "left", row["step_number"]),
            )
        before = row
        if row["step"] == "all":
            counts.same(key, ("archive_summary", "studies"))
        elif row["step"] == "linked to a person":
            counts.same(key, cell_key("linkage", "studies", "person", "linked"))


def members_step(built: Built) -> int | None:
    """Return the number of the last step of persons, the members of the cohort."""
    return max((row["step_number"] for row in built["cohort_attrition"] if row["counted"] == "persons"), default=None)


def _scenario_1(counts: Counts, built: Built) -> None:
    rows = {(row["counted"], row["hypertension"], row["has_hypertension"]): row for row in built["scenario_1"]}
    for names, row in rows.items():
        for column in SCENARIO_1_COLUMNS:
            counts.add(cell_key("scenario_1", column, *names), row[column])
        counts.rest(cell_key("scenario_1", "patients", *names), cell_key("scenario_1", "patients_without_ct", *names))
    if not rows:
        return
    treated = ("scenario_1", "treated")
    counts.add(treated, sum(row["patients"] for names, row in rows.items() if names[:2] == ("all follow-up", "ever")))
    for meaning in dict.fromkeys(names[1] for names in rows):
        counts.total(
            treated, [cell_key("scenario_1", "patients", "all follow-up", meaning, has) for has in (True, False)]
        )
    for _, meaning, has in [names for names in rows if names[0] == "per person-year"]:
        counts.rest(
            cell_key("scenario_1", "patients", "all follow-up", meaning, has),
            cell_key("scenario_1", "patients", "per person-year", meaning, has),
        )
    for counted in dict.fromkeys(names[0] for names in rows):
        ever, before = (
            cell_key("scenario_1", "patients", counted, meaning, True)
            for meaning in ("ever", "before the first osimertinib")
        )
        counts.rest(ever, before)
    if (step := members_step(built)) is not None:
        counts.rest(cell_key("cohort_attrition", "remaining", step), treated, ("scenario_1", "left", "treated"))


def _scenario_2(counts: Counts, built: Built) -> None:
    rows = {row["images"]: row for row in built["scenario_2"]}
    for images, row in rows.items():
        for column in SCENARIO_2_COLUMNS:
            counts.add(cell_key("scenario_2", column, images), row[column])
        nodules, with_part, solid, of_others = (
            cell_key("scenario_2", column, images)
            for column in (
                "ground_glass_nodules",
                "with_solid_part",
                "solid_nodules",
                "solid_nodules_of_patients_without_ground_glass",
            )
        )
        counts.rest(nodules, with_part, cell_key("scenario_2", "left", images))
        counts.rest(solid, of_others)
        for of_patients, of_nodules in (
            ("ground_glass_patients", "ground_glass_nodules"),
            ("with_solid_part_patients", "with_solid_part"),
            ("solid_nodule_patients", "solid_nodules"),
        ):
            counts.limit(cell_key("scenario_2", of_patients, images), cell_key("scenario_2", of_nodules, images))
    if {"all CT", "CT of the cohort"} <= rows.keys():
        for column in SCENARIO_2_COLUMNS:
            counts.rest(*(cell_key("scenario_2", column, images) for images in ("all CT", "CT of the cohort")))
    for row in built["lesion_over_time"]:
        names = (row["measure"], row["period"])
        whole, *parts = (
            counts.add(cell_key("lesion_over_time", column, *names), row[column])
            for column in ("comparisons", "larger", "unchanged", "smaller")
        )
        counts.total(whole, parts)
        counts.limit(counts.add(cell_key("lesion_over_time", "persons", *names), row["persons"]), whole)


def _scenario_3(counts: Counts, built: Built) -> None:
    for row in built["scenario_3"]:
        names = (row["counted"], row["localizers"])
        ct, low_dose, over_instances, over_frames = (
            counts.add(cell_key("scenario_3", column, *names), row[column]) for column in SCENARIO_3_COLUMNS
        )
        counts.rest(ct, low_dose, cell_key("scenario_3", "left", "low_dose", *names))
        counts.rest(low_dose, over_instances, cell_key("scenario_3", "left", "over_150_instances", *names))
        counts.rest(low_dose, over_frames)
        counts.rest(over_frames, over_instances)
    for counted in dict.fromkeys(row["counted"] for row in built["scenario_3"]):
        for column in SCENARIO_3_COLUMNS:
            counts.rest(*(cell_key("scenario_3", column, counted, localizers) for localizers in ("with", "without")))
    steps = summed(((str(step_of(row)),), row["series"]) for row in built["low_dose_ct_by_instances"])
    keys = {
        int(first): counts.add(cell_key("low_dose_ct_by_instances", "series", first), value)
        for (first,), value in steps.items()
    }
    if keys and built["scenario_3"]:
        counts.total(cell_key("scenario_3", "low_dose", "series", "without"), keys.values())
        counts.total(
            cell_key("scenario_3", "over_150_instances", "series", "without"),
            [key for first, key in keys.items() if first > 150],
        )


def _scenario_4(counts: Counts, built: Built) -> None:
    rows = {(row["series_taken"], row["age_at_diagnosis"]): row for row in built["scenario_4"]}
    for names, row in rows.items():
        for column in ("series", "studies", "patients"):
            counts.add(cell_key("scenario_4", column, *names), row[column])
        counts.limit(cell_key("scenario_4", "patients", *names), cell_key("scenario_4", "studies", *names))
        counts.limit(cell_key("scenario_4", "studies", *names), cell_key("scenario_4", "series", *names))
    for column in ("series", "studies", "patients"):
        for age in AGES:
            for wider, narrower in pairwise(SERIES_TAKEN):
                if {(wider, age), (narrower, age)} <= rows.keys():
                    on_page = column == "series" and age == "any"
                    counts.rest(
                        cell_key("scenario_4", column, wider, age),
                        cell_key("scenario_4", column, narrower, age),
                        cell_key("scenario_4", "left", narrower, age) if on_page else None,
                    )
        for taken in SERIES_TAKEN:
            for wider, narrower in pairwise(AGES):
                if {(taken, wider), (taken, narrower)} <= rows.keys():
                    on_page = column == "series" and taken == "enhanced T1, at most 1 mm" and narrower == "at most 60"
                    counts.rest(
                        cell_key("scenario_4", column, taken, wider),
                        cell_key("scenario_4", column, taken, narrower),
                        cell_key("scenario_4", "left", taken, narrower) if on_page else None,
                    )
    bins = summed(
        ((thickness_of(row), text(row["age_from"])), row["series"]) for row in built["enhanced_t1_by_thickness"]
    )
    keys = {names: counts.add(cell_key("enhanced_t1_by_thickness", "series", *names), n) for names, n in bins.items()}
    thin = {"enhanced T1": None, "enhanced T1, at most 1 mm": ("under 1", "1"), "enhanced T1, under 1 mm": ("under 1",)}
    for taken, thicknesses in thin.items():
        for age, below in (("any", None), ("under 60", 60)):
            parts = [
                key
                for (thickness, age_from), key in keys.items()
                if (thicknesses is None or thickness in thicknesses)
                and (below is None or (age_from != "" and int(age_from) < below))
            ]
            if (taken, age) in rows:
                counts.total(cell_key("scenario_4", "series", taken, age), parts)


def _rules(counts: Counts, built: Built) -> None:
    for row in built["dq_thresholds_compared"]:
        checked = counts.add(cell_key("dq_thresholds_compared", "checked", row["rule_id"]), row["checked"], keep=True)
        failed = counts.add(cell_key("dq_thresholds_compared", "failed", row["rule_id"]), row["failed"])
        counts.rest(checked, failed, cell_key("dq_thresholds_compared", "passed", row["rule_id"]))
        without = cell_key("linkage", "studies", "person", "not linked", "no PatientID")
        # Rule 17 judges the studies that have a PatientID: with all studies it tells how many have none.
        if row["rule_id"] == "DQ-17" and without in counts:
            counts.total(("archive_summary", "studies"), [checked, without])
    for row in built["table_2"]:
        for column, of_rule in (("checked", "checked"), ("errors", "failed")):
            key = counts.add(cell_key("table_2", column, row["rule_id"]), row[column])
            if (rule := cell_key("dq_thresholds_compared", of_rule, row["rule_id"])) in counts:
                counts.same(key, rule)
        counts.rest(
            cell_key("table_2", "checked", row["rule_id"]),
            cell_key("table_2", "errors", row["rule_id"]),
            cell_key("table_2", "passed", row["rule_id"]),
        )
    for row in last_runs(built):
        names = (row["run_id"], row["rule_id"])
        checked = counts.add(cell_key("dq_result_history", "checked", *names), row["checked"], keep=True)
        failed = counts.add(cell_key("dq_result_history", "failed", *names), row["failed"])
        counts.rest(checked, failed, cell_key("dq_result_history", "passed", *names))


def last_runs(built: Built) -> list[Row]:
    """Return the results of the last two runs, the earlier first."""
    runs = list(dict.fromkeys(row["run_id"] for row in built["dq_result_history"]))[-2:]
    return [row for row in built["dq_result_history"] if row["run_id"] in runs]


def _left_out(counts: Counts, built: Built) -> None:
    for row in built["mapping_coverage"]:
        series = counts.add(cell_key("mapping_coverage", "series", row["attribute"]), row["series"])
        unmapped = counts.add(cell_key("mapping_coverage", "unmapped_series", row["attribute"]), row["unmapped_series"])
        counts.rest(series, unmapped, cell_key("mapping_coverage", "mapped_series", row["attribute"]))
        values = counts.add(cell_key("mapping_coverage", "source_values", row["attribute"]), row["source_values"])
        left = counts.add(cell_key("mapping_coverage", "unmapped_values", row["attribute"]), row["unmapped_values"])
        counts.limit(values, series)
        counts.limit(left, unmapped)
        filled = cell_key("table_1", "records_with_data", "IMAGING_SERIES", row["attribute"])
        if filled in counts:
            counts.same(series, filled)
    for row in built["conflicts"]:
        counts.add(cell_key("conflicts", "series", row["attribute"]), row["series"])
    outcomes: dict[str, list[Key]] = defaultdict(list)
    for row in built["rejected_files"]:
        key = counts.add(cell_key("rejected_files", "files", row["outcome"], row["reason"]), row["files"])
        outcomes[row["outcome"]].append(key)
    for row in built["stg_dicom__extract_runs"]:
        columns = ("files_seen", "files_read", "files_unchanged", "files_rejected", "files_ignored")
        seen, *parts = (counts.add(("stg_dicom__extract_runs", column), row[column]) for column in columns)
        counts.total(seen, parts)
        for outcome, keys in outcomes.items():
            counts.total(("stg_dicom__extract_runs", f"files_{outcome}"), keys)
