"""The gallery of queries: each runs as it stands, and several are answered again from the cohort or the files alone."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pydicom
import pytest
from conftest import BUILT_PATIENTS, PROJECT, Site
from made_archives import IMAGES
from scenario_answers import is_localizer, is_low_dose, members, studies

from extract.connection import connect
from extract.synthetic import omop_cdm
from extract.synthetic.cohort import build_cohort
from extract.synthetic.entities import Patient, Study

QUERIES = {path.name: path for path in sorted((PROJECT / "queries").glob("*.sql"))}
HEADING = re.compile(r"-- Question: (?P<question>.+\?)\n-- Answers:  .+\n(?:--           .+\n)*-- Change:   .+\n")
COHORT = build_cohort(BUILT_PATIENTS, 59187)
CHEST_CT = ("LOW_DOSE_CT", "ENHANCED_CT", "FOLLOW_UP_CT", "CHEST_ABDOMEN_CT")

Row = dict[str, Any]


def answer(name: str, *before: str) -> list[Row]:
    """The rows of a query of the gallery, after statements that are rolled back."""
    (path,) = (path for path in QUERIES.values() if path.name.startswith(name))
    with connect("pytest") as connection:
        for statement in before:
            connection.execute(statement.encode())
        cursor = connection.execute(path.read_bytes())
        assert cursor.description is not None
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor]
        connection.rollback()
    return rows


def linked_studies() -> Iterator[tuple[Patient, Study]]:
    for patient in COHORT:
        for study in patient.studies:
            if patient.in_cdm and study.series and not study.second_patient_id:
                yield patient, study


def files(archive: Path) -> Counter[str]:
    """How many files of the archive hold each instance, as pydicom reads them; without the zip archive's."""
    found = (path for path in archive.rglob("*") if path.is_file() and pydicom.misc.is_dicom(path))
    return Counter(str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in found)


def test_every_query_says_what_it_asks_and_stands_in_the_list() -> None:
    readme = (PROJECT / "queries" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d\d_\w+\.sql)\]\(\1\) \| (.+) \|$", readme, re.MULTILINE)
    said = []
    for name, path in QUERIES.items():
        heading = HEADING.match(path.read_text(encoding="utf-8"))
        assert heading, name
        said.append((name, heading["question"]))
    assert listed == said and len(said) == 20


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_finds_something(for_people: Site, name: str) -> None:
    rows = answer(name)
    if name != "16_annotated_lesions.sql":  # what is annotated is another test's question
        assert rows and all(any(value is not None for value in row.values()) for row in rows)


def test_the_first_ct_after_the_diagnosis_is_that_of_the_cohort(for_people: Site) -> None:
    expected: dict[int, date | None] = {}
    for patient in members(COHORT):
        days = [
            study.date_written
            for of, study in linked_studies()
            if of is patient and study.kind in CHEST_CT and study.date_written >= patient.diagnosis_date
        ]
        expected[omop_cdm.person_id(patient)] = min(days, default=None)
    assert {row["person_id"]: row["study_date"] for row in answer("02")} == expected
    assert any(expected.values())


def test_who_has_chest_ct_and_brain_mr_is_who_has_them_in_the_cohort(for_people: Site) -> None:
    kinds = {(omop_cdm.person_id(patient), study.kind) for patient, study in linked_studies()}
    both = {person for person, kind in kinds if kind in CHEST_CT and (person, "BRAIN_MR") in kinds}
    rows = answer("10")
    assert both and {row["person_id"] for row in rows} == both
    for row in rows:
        pairs = [
            (mr.date_written - ct.date_written).days
            for of, ct in linked_studies()
            for also_of, mr in linked_studies()
            if of is also_of and omop_cdm.person_id(of) == row["person_id"]
            if ct.kind in CHEST_CT and mr.kind == "BRAIN_MR"
        ]
        assert abs(row["days_apart"]) == min(map(abs, pairs))


def test_rounds_of_low_dose_ct_are_those_of_the_cohort(for_people: Site) -> None:
    days = {
        (omop_cdm.person_id(patient), study.date_written)
        for patient, study in linked_studies()
        if any(series.protocol.kind == "CT" and is_low_dose(series) for series in study.series)
    }
    rows = answer("12")
    assert days and {row["person_id"]: row["rounds"] for row in rows} == Counter(person for person, _ in days)


def test_the_files_of_a_cohort_are_the_images_of_its_series(for_people: Site) -> None:
    expected = {
        series.sop_instance_uid(index)
        for patient in members(COHORT)
        for study in studies(patient, *CHEST_CT)
        for series in study.series
        if series.protocol.kind == "CT" and is_low_dose(series) and not is_localizer(series)
        for index in range(series.protocol.instances)
    }
    rows = answer("15")
    assert expected and {row["sop_instance_uid"] for row in rows} == expected and len(rows) == len(expected)
    for row in rows[:: len(rows) // 20]:
        dataset = pydicom.dcmread(row["file_path"], stop_before_pixels=True)
        assert (dataset.SOPInstanceUID, dataset.InstanceNumber) == (row["sop_instance_uid"], row["instance_number"])


def test_copies_and_images_are_counted_as_the_files_count_them(for_people: Site) -> None:
    counted = files(for_people.archive)
    copies = answer("13")
    assert sum(row["files"] for row in copies) == sum(counted.values()) - len(counted) > 0
    assert sum(row["images"] for row in answer("20")) == len(counted) + IMAGES["1.2.9.4"]


def test_a_lesion_has_its_measures_in_one_row(for_people: Site) -> None:
    values = (("LongAxis", 21.5), ("Volume", 1800))
    inserted = [
        "insert into icdm.imaging_annotation select (jsonb_populate_record(null::icdm.imaging_annotation, row)).* from"
        " (select jsonb_object_agg(attname, 1) || jsonb_build_object('imaging_annotation_id', -"
        f"{number}, 'annotation_source_value', '{name}', 'value_as_number', {value}, 'annotation_date', '2015-01-01',"
        "'annotation_datetime', null) as row from pg_attribute where attrelid = 'icdm.imaging_annotation'::regclass"
        " and attnum > 0) as made"
        for number, (name, value) in enumerate(values, 1)
    ]
    before = answer("16")
    (row,) = [row for row in answer("16", *inserted) if row not in before]
    assert (float(row["long_axis_mm"]), float(row["volume_mm3"])) == (21.5, 1800)
