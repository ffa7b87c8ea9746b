"""The scenario models against the same questions asked of the synthetic cohort in Python, on all 240 patients.

The tables of the images are filled here with what the generator made; reading it out of files is tested elsewhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from scenario_answers import is_enhanced_t1, is_localizer, is_low_dose, members, scenario_1, scenario_3, scenario_4

from extract.connection import connect
from extract.synthetic import omop_cdm
from extract.synthetic.cohort import build_cohort
from extract.synthetic.entities import Patient, Series, Study
from extract.synthetic.protocols import MODALITY

PROJECT = Path(__file__).parents[2]
COHORT = build_cohort(240, 59187)
STAGING = (
    "persons",
    "deaths",
    "observation_periods",
    "condition_occurrences",
    "drug_exposures",
    "measurements",
    "cohorts",
    "concept_ancestors",
)
MODELS = (
    *(f"stg_omop__{name}" for name in STAGING),
    "value_mapping",
    "concept_set",
    "image_scope",
    "path:models/intermediate/cohort",
    "path:models/intermediate/scenario",
    "path:models/scenarios",
)


def region(study: Study) -> str:
    if study.kind == "BRAIN_MR":
        return "BRAIN"
    return {"PET_CT": "WHOLEBODY", "MAMMOGRAPHY": "BREAST"}.get(study.kind, "CHEST")


def attributes(study: Study, series: Series) -> dict[str, str]:
    """What IMAGING_SERIES holds of a series, as far as the scenarios ask for it."""
    protocol = series.protocol
    held = {"Modality": MODALITY[protocol.kind], "NumberOfInstances": str(protocol.instances)}
    if held["Modality"] in ("SEG", "RTSTRUCT", "SR"):
        return held
    held |= {"NumberOfFrames": str(protocol.instances * protocol.frames), "AnatomicRegion[1]": region(study)}
    if study.kind == "CHEST_ABDOMEN_CT":
        held["AnatomicRegion[2]"] = "ABDOMEN"
    if held["Modality"] == "CT" and is_localizer(series):
        held["Localizer"] = "YES"
    if held["Modality"] == "CT" and is_low_dose(series):
        held["LowDose"] = "YES"
    if held["Modality"] == "MR":
        held["SliceThickness"] = str(protocol.attributes["SliceThickness"])
        if is_enhanced_t1(series):
            held |= {"Weighting": "T1", "ContrastEnhanced": "YES"}
    if study.date_shift_days:
        held["LongitudinalTemporalInformationModified"] = "MODIFIED"
    return held


def modality(study: Study) -> str | None:
    found = {MODALITY[series.protocol.kind] for series in study.series} - {"SEG", "RTSTRUCT", "SR"}
    return "PT" if "PT" in found else found.pop() if found else None


def person(patient: Patient, study: Study) -> int | None:
    return omop_cdm.person_id(patient) if patient.in_cdm and not study.second_patient_id else None


def fill_imaging_tables(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create schema icdm")
    connection.execute(
        "create table icdm.imaging_study (imaging_study_id bigint, person_id bigint, study_date date,"
        " modality_source_value text)"
    )
    connection.execute(
        "create table icdm.imaging_series (imaging_study_id bigint, unique_series_id text, series_source_value text,"
        " value_source_value text, value_as_number numeric)"
    )
    # The cohort has no annotations yet; what the models make of them is told by their unit tests.
    connection.execute(
        "create table icdm.imaging_annotation (imaging_annotation_id bigint, person_id bigint, imaging_study_id bigint,"
        " unique_series_id text, filepath_id bigint, annotation_date date, annotation_datetime timestamp,"
        " annotation_system text, annotation_group_id bigint, annotation_concept_id integer,"
        " annotation_source_value text, value_as_number numeric, value_as_concept_id integer, value_source_value text,"
        " unit_concept_id integer, unit_source_value text, plane_concept_id integer, anatomic_site_concept_id integer,"
        " annotation_type_concept_id integer, algorithm_name text, annotator_key text)"
    )
    made = [(patient, study) for patient in COHORT for study in patient.studies if study.series]
    with connection.cursor() as cursor:
        with cursor.copy("copy icdm.imaging_study from stdin") as copy:
            for number, (patient, study) in enumerate(made):
                copy.write_row((number, person(patient, study), study.date_written, modality(study)))
        with cursor.copy("copy icdm.imaging_series from stdin") as copy:
            for number, (_, study) in enumerate(made):
                for series in study.series:
                    for name, value in attributes(study, series).items():
                        as_number = value if value.replace(".", "").isdigit() else None
                        copy.write_row((number, series.series_instance_uid, name, value, as_number))


@pytest.fixture(scope="module")
def answers(
    profiles_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A database of its own with the scenario models built in it."""
    folder = tmp_path_factory.mktemp("scenarios")
    name = sql.Identifier(f"icdm_scenarios_{os.getpid()}")
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATABASE", f"icdm_scenarios_{os.getpid()}")
        with connect("pytest") as connection:
            omop_cdm.write_csv(COHORT, folder)
            omop_cdm.load(connection, folder)
            fill_imaging_tables(connection)
        command = [
            "dbt",
            "build",
            "--exclude-resource-type",
            "test",
            "unit_test",
            "--select",
            "+int_vocabulary__mappings_chosen",
            *MODELS,
        ]
        command += ["--profiles-dir", str(profiles_directory), "--target-path", str(folder / "target")]
        result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout
        with connect("pytest") as connection:
            yield connection
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


def rows(connection: psycopg.Connection[tuple[Any, ...]], columns: str, model: str) -> set[tuple[Any, ...]]:
    return set(connection.execute(f"select {columns} from icdm_analysis.{model}".encode()).fetchall())


def test_the_cohort_is_that_of_the_generator(answers: psycopg.Connection[tuple[Any, ...]]) -> None:
    expected = {(omop_cdm.person_id(patient), patient.diagnosis_date) for patient in members(COHORT)}
    assert 180 < len(expected) < 230
    assert rows(answers, "subject_id, cohort_start_date", "cohort") == expected


def test_brain_metastases_are_found_in_both_tables(answers: psycopg.Connection[tuple[Any, ...]]) -> None:
    found = rows(
        answers, "person_id, first_recorded_on, is_in_condition_occurrence, is_in_measurement", "brain_metastasis"
    )
    assert found == {
        (omop_cdm.person_id(one), day, "CONDITION_OCCURRENCE" in tables, "MEASUREMENT" in tables)
        for one in members(COHORT)
        if one.brain_metastasis
        for day, tables in [one.brain_metastasis]
    }


def test_scenario_1(answers: psycopg.Connection[tuple[Any, ...]]) -> None:
    described, tested = scenario_1(COHORT)
    columns = "counted, hypertension, has_hypertension, patients, patients_without_ct, ct_studies, person_years"
    assert rows(answers, f"{columns}, mean, standard_deviation", "scenario_1") == described
    assert rows(answers, "*", "scenario_1_test") == tested


def test_scenario_3(answers: psycopg.Connection[tuple[Any, ...]]) -> None:
    columns = "counted, localizers, ct, low_dose, over_150_instances, over_150_frames"
    assert rows(answers, f"{columns}, smallest_instances, largest_instances", "scenario_3") == scenario_3(COHORT)


def test_scenario_4(answers: psycopg.Connection[tuple[Any, ...]]) -> None:
    assert rows(answers, "*", "scenario_4") == scenario_4(COHORT)
