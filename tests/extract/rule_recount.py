"""Data-quality rules counted a second time, in Python, from the text of their pages: nothing here reads a rule's SQL.

Rules on what files say of themselves are counted over the raw rows, rules on published values over the four tables.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from conftest import query

SEEDS = Path(__file__).parents[2] / "seeds"
CT, MR, PT = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "4", "128"))
POSITIONS = {  # PS3.3 C.7.3.1.1.2
    *("HFP", "HFS", "HFDR", "HFDL", "FFDR", "FFDL", "FFP", "FFS"),
    *("LFP", "LFS", "RFP", "RFS", "AFDR", "AFDL", "PFDR", "PFDL"),
}

Count = tuple[int, int]


class Row(NamedTuple):
    """A row of imaging_series."""

    study_id: int
    series: str
    name: str
    number: Decimal | None
    concept: int | None
    text: str


class File(NamedTuple):
    """A file that is there, with what its header says."""

    series_key: int
    header_key: int
    instance: str
    created: datetime | None
    path: tuple[str, str]


@dataclass(frozen=True)
class Header:
    """What the files of a series say at the levels of study and series."""

    patient: str | None
    issuer: str | None
    accessions: list[str | None]
    sop_class: str | None
    values: dict[str, str]


def seed(folder: str, name: str) -> list[dict[str, str]]:
    with (SEEDS / folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number_in(text: str) -> Decimal | None:
    """The first value of a DS or IS (PS3.5 table 6.2-1)."""
    first = text.split("\\")[0].strip(" ")
    return Decimal(first) if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", first, re.ASCII) else None


def day_in(text: str) -> date | None:
    """A DA, also as ACR-NEMA wrote it."""
    for form in ("%Y%m%d", "%Y.%m.%d"):
        try:
            return datetime.strptime(text.strip(" "), form).date()
        except ValueError:
            continue
    return None


def count(records: Iterable[bool]) -> Count:
    """How many records there are, and how many of them break the rule."""
    verdicts = list(records)
    return len(verdicts), sum(verdicts)


def beyond(values: list[float]) -> Count:
    """How many of 100 numbers or more lie beyond their 1st or 99th percentile, interpolated."""
    ordered = sorted(values)
    if len(ordered) < 100:
        return 0, 0

    def percentile(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    low, high = percentile(0.01), percentile(0.99)
    return count(not low <= value <= high for value in ordered)


class Recount:
    """The tables as they are in the database, and the counts of the rules over them."""

    def __init__(self) -> None:
        """Fetch what the rules need."""
        columns = "imaging_study_id, study_instance_uid, study_date, modality_source_value, modality_concept_id"
        self.studies = query(f"select {columns}, manufacturer, number_of_frames from icdm.imaging_study")
        self.rows = [
            Row(*row)
            for row in query(
                "select imaging_study_id, unique_series_id, series_source_value, value_as_number, value_as_concept_id,"
                " value_source_value from icdm.imaging_series"
            )
        ]
        self.uids = {
            key: (study, series)
            for key, study, series in query(
                "select series_key, study_instance_uid, series_instance_uid from icdm_raw.series"
            )
        }
        self.headers = {
            (series, header): Header(*rest)
            for series, header, *rest in query(
                "select series_key, header_key, patient_key, patient_issuer_key, accession_keys, sop_class_uid,"
                " attributes from icdm_raw.header"
            )
        }
        self.files = [
            File(series, header, instance, created, (folder, name))
            for series, header, instance, created, folder, name in query(
                "select series_key, header_key, sop_instance_uid, instance_creation,"
                " root_path || '/' || folder, file_name"
                " from icdm_raw.instance inner join icdm_raw.folder using (folder_key)"
                " inner join icdm_raw.root using (root_id)"
                " where removed_run_id is null"
            )
        ]

    def of(self, name: str) -> list[Row]:
        return [row for row in self.rows if row.name == name]

    @cached_property
    def values(self) -> dict[tuple[int, str], dict[str, str]]:
        """Published texts by attribute, for each series of a study."""
        found: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
        for row in self.rows:
            found[row.study_id, row.series][row.name] = row.text
        return found

    def modality(self, row: Row) -> str | None:
        return self.values[row.study_id, row.series].get("Modality")

    @cached_property
    def copies(self) -> dict[str, list[File]]:
        """The files of each instance, first the one that counts: created last, then of smallest header, then path."""
        found: dict[str, list[File]] = defaultdict(list)
        for file in self.files:
            found[file.instance].append(file)
        for files in found.values():
            files.sort(key=lambda file: (file.header_key, file.path))
            files.sort(key=lambda file: file.created or datetime.min, reverse=True)
        return found

    @cached_property
    def series_headers(self) -> dict[int, list[Header]]:
        """The headers of each series, as far as an instance that counts has them."""
        keys = {(files[0].series_key, files[0].header_key) for files in self.copies.values()}
        found: dict[int, list[Header]] = defaultdict(list)
        for key in sorted(keys):
            found[key[0]].append(self.headers[key])
        return found

    def complete(self, name: str, classes: set[str]) -> Count:
        """Series of these SOP classes, and those of them without a value."""
        return count(
            not any(header.values.get(name, "").strip() for header in headers)
            for headers in self.series_headers.values()
            if any(header.sop_class in classes for header in headers)
        )

    def counts(self) -> dict[str, Count]:
        """Checked and broken records by rule."""
        numeric = {"DQ-04": "SliceThickness", "DQ-05": "Rows", "DQ-07": "Columns", "DQ-36": "WindowCenter"}
        rules: dict[str, Callable[[], Count]] = {
            "DQ-17": self.one_patient,
            "DQ-22": self.study_date,
            "DQ-35": self.slice_thickness,
            "DQ-37": self.window_width,
            "DQ-48": self.understood,
            "DQ-50": self.modality_of_class,
            "DQ-51": self.series_agrees,
            "DQ-53": self.accessions,
            "DQ-54": self.identical_copies,
            "DQ-55": self.dates,
            "DQ-56": self.identifiers,
            "DQ-58": self.bounds,
        }
        images = {row["sop_class_uid"] for row in seed("vocabulary", "sop_class") if row["holds_images"] == "true"}
        of_images = [study for study in self.studies if study[6] is not None]
        return {rule_id: recounted() for rule_id, recounted in rules.items()} | {
            **{rule: count(number_in(row.text) is None for row in self.of(name)) for rule, name in numeric.items()},
            "DQ-06": beyond([float(number) for row in self.of("Rows") if (number := number_in(row.text)) is not None]),
            "DQ-08": beyond(
                [float(number) for row in self.of("Columns") if (number := number_in(row.text)) is not None]
            ),
            "DQ-24": count(not (modality or "").strip() for _, _, _, modality, _, _, _ in of_images),
            "DQ-25": count(concept == 0 for _, _, _, _, concept, _, _ in of_images),
            "DQ-26": count(not (manufacturer or "").strip() for _, _, _, _, _, manufacturer, _ in of_images),
            "DQ-33": count(row.concept == 0 for row in self.of("BodyPartExamined")),
            "DQ-34": count(
                any(term.strip() not in ("L", "R", "B", "U") for term in row.text.split("\\"))
                for row in self.of("Laterality")
            ),
            "DQ-38": count(row.text.strip() not in POSITIONS for row in self.of("PatientPosition")),
            "DQ-45": self.complete("Rows", images),
            "DQ-46": self.complete("Columns", images),
            "DQ-47": self.complete("SliceThickness", {CT, MR, PT}),
        }

    def one_patient(self) -> Count:
        patients: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
        for key, headers in self.series_headers.items():
            for header in headers:
                if header.patient:
                    patients[self.uids[key][0]].add((header.patient, header.issuer))
        return count(len(named) > 1 for named in patients.values())

    def study_date(self) -> Count:
        return count(day is None or day > date.today() + timedelta(days=1) for _, _, day, *_ in self.studies)

    def slice_thickness(self) -> Count:
        numbers = [number_in(row.text) for row in self.of("SliceThickness") if self.modality(row) in ("CT", "MR", "PT")]
        return count(not 0 < number <= 100 for number in numbers if number is not None)

    def window_width(self) -> Count:
        def is_broken(row: Row) -> bool:
            width = number_in(row.text)
            is_linear = self.values[row.study_id, row.series].get("VOILUTFunction", "LINEAR") == "LINEAR"
            return width is None or width <= 0 or (is_linear and width < 1)

        return count(is_broken(row) for row in self.of("WindowWidth"))

    def understood(self) -> Count:
        kinds = {
            row["name"] + (f"[{row['component']}]" if row["component"] else ""): row["kind"]
            for row in seed("vocabulary", "dicom_attribute")
        }
        return count(
            row.number is None if kinds[row.name] == "number" else not row.concept
            for row in self.rows
            if kinds.get(row.name) in ("number", "code")
        )

    def modality_of_class(self) -> Count:
        allowed: dict[str, set[str]] = defaultdict(set)
        for row in seed("quality", "sop_class_modality"):
            allowed[row["sop_class_uid"]].add(row["modality"])

        def is_broken(headers: list[Header]) -> bool:
            modalities = {header.values.get("Modality", "").strip() for header in headers}
            return len(modalities) > 1 or any(
                header.values.get("Modality", "").strip() not in allowed[header.sop_class]
                for header in headers
                if header.sop_class in allowed
            )

        return count(
            is_broken(headers)
            for headers in self.series_headers.values()
            if any(header.sop_class in allowed for header in headers)
        )

    def series_agrees(self) -> Count:
        of_series = {
            row["name"] + (f"[{row['component']}]" if row["component"] else "")
            for row in seed("vocabulary", "dicom_attribute")
            if row["level"] in ("study", "series") and row["aggregate"] != "distinct"
        }
        return count(
            any(
                len({header.values[name] for header in headers if header.values.get(name, "")}) > 1
                for name in of_series
            )
            for headers in self.series_headers.values()
        )

    def accessions(self) -> Count:
        patients: dict[str, set[str]] = defaultdict(set)
        for headers in self.series_headers.values():
            for header in headers:
                for accession in header.accessions:
                    if accession and header.patient:
                        patients[accession].add(header.patient)
        return count(len(named) > 1 for named in patients.values())

    def identical_copies(self) -> Count:
        return count(
            (copy.series_key, copy.header_key) != (files[0].series_key, files[0].header_key)
            for files in self.copies.values()
            for copy in files[1:]
        )

    def dates(self) -> Count:
        began = {study_id: day for study_id, _, day, *_ in self.studies if day}
        return count(
            day < began[row.study_id]
            for row in self.of("SeriesDate") + self.of("AcquisitionDate")
            if row.study_id in began and (day := day_in(row.text))
        )

    def identifiers(self) -> Count:
        typed = {row["name"] for row in seed("vocabulary", "dicom_attribute") if row["privacy_action"] == "mask"}
        patterns = [
            re.compile(row["pattern"].replace("[^[:alpha:]]", r"[\W\d_]").replace("[[:alpha:]]", r"[^\W\d_]"), re.I)
            for row in seed("quality", "identifier_pattern")
        ]
        texts = {(row.name, row.text) for row in self.rows if re.sub(r"\[.*", "", row.name) in typed}
        return count(any(pattern.search(text) for pattern in patterns) for _, text in texts)

    def bounds(self) -> Count:
        bounds = {
            (row["attribute"], row["modality"]): (Decimal(row["minimum"]), Decimal(row["maximum"]))
            for row in seed("quality", "value_bound")
        }
        records = []
        for row in self.rows:
            bound = bounds.get((row.name, self.modality(row) or "")) or bounds.get((row.name, ""))
            if bound and row.number is not None:
                records.append(not bound[0] <= row.number <= bound[1])
        return count(records)
