"""Rules of evidence, broken where the data come from: faults in raw and in clinical rows, found after one build.

The faults lie in different series and studies, so that each rule must find its own and no other.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import PROJECT, Site, query
from psycopg import sql
from psycopg.types.json import Jsonb
from rule_recount import Recount, seed

from extract.cli import main
from extract.connection import connect, connection_parameters
from extract.synthetic import CDM_FOLDER, DICOM_FOLDER, EXPECTED_FILE, omop_cdm, write_demo_data
from extract.synthetic.cohort import build_cohort

SEED = 59187
CDM = "faulty_cdm"
MR_BRAIN = 37311324

Connection = psycopg.Connection[tuple[Any, ...]]
#: Patient and number of a study in it, and of a series in that.
StudyPlace = tuple[int, int]
SeriesPlace = tuple[int, int, int]

PATIENTS = build_cohort(3, SEED)


def study_uid(patient: int, study: int) -> str:
    return PATIENTS[patient - 1].studies[study - 1].study_instance_uid


def series_uid(patient: int, study: int, series: int) -> str:
    (found,) = [one for one in PATIENTS[patient - 1].studies[study - 1].series if one.series_number == series]
    return found.series_instance_uid


class Faults:
    """Puts faults into the raw rows of an archive and the rows of its CDM."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def keys(self, place: StudyPlace | SeriesPlace) -> list[int]:
        """The raw keys of a series, or of all series of a study."""
        found = self.connection.execute(
            "select series_key from icdm_raw.series where study_instance_uid = %s"
            " and (%s::text is null or series_instance_uid = %s)",
            (study_uid(*place[:2]), *[series_uid(*place) if len(place) == 3 else None] * 2),
        ).fetchall()
        assert found
        return [key for (key,) in found]

    def run(self, statement: str, *values: Any) -> None:
        assert self.connection.execute(statement.encode(), values).rowcount > 0, statement

    def write(self, place: StudyPlace | SeriesPlace, attribute: str, value: str) -> None:
        self.run(
            "update icdm_raw.header set attributes = attributes || %s where series_key = any(%s)",
            Jsonb({attribute: value}),
            self.keys(place),
        )

    def drop(self, place: StudyPlace | SeriesPlace, attribute: str) -> None:
        self.run(
            "update icdm_raw.header set attributes = attributes - %s where series_key = any(%s) and attributes ? %s",
            attribute,
            self.keys(place),
            attribute,
        )

    def write_in_instances(self, place: SeriesPlace, attribute: str, value: str) -> None:
        self.run(
            "update icdm_raw.instance set instance_values[array_position(instance_attributes, %s)] = %s"
            " from icdm_raw.header_layout as layout where layout.layout_id = instance.layout_id"
            " and series_key = any(%s)",
            attribute,
            value,
            self.keys(place),
        )

    def patient(self, place: StudyPlace | SeriesPlace, patient_key: str | None) -> None:
        self.run(
            "update icdm_raw.header set patient_key = %s, patient_issuer_key = null where series_key = any(%s)",
            patient_key,
            self.keys(place),
        )

    def other_header(self, place: SeriesPlace, attribute: str, value: str) -> int:
        """A header of the series that no file has yet, equal but for one attribute; returns its key, the largest."""
        self.run(
            "insert into icdm_raw.header select series_key, %s, patient_key, patient_issuer_key, accession_keys,"
            " sop_class_uid, transfer_syntax_uid, attributes || %s from icdm_raw.header where series_key = any(%s)"
            " limit 1",
            2**62,
            Jsonb({attribute: value}),
            self.keys(place),
        )
        return 2**62

    def procedure(self, assignment: str, place: StudyPlace) -> None:
        accession = PATIENTS[place[0] - 1].studies[place[1] - 1].accession_number
        self.run(f"update {CDM}.procedure_occurrence set {assignment} where procedure_source_value = %s", accession)


def break_the_files(faults: Faults) -> None:
    """One fault for each rule; behind it the rules that follow by logic."""
    faults.write((1, 2, 2), "SliceThickness", "1,25")  # DQ-04, and DQ-48
    faults.write((1, 2, 3), "Rows", "x")  # DQ-05, and DQ-48
    faults.write((1, 2, 4), "Columns", "x")  # DQ-07, and DQ-48
    faults.write((1, 3, 2), "BodyPartExamined", "XYZZY")  # DQ-33, and DQ-48
    faults.write((1, 3, 3), "SliceThickness", "0")  # DQ-35, and DQ-58
    faults.write_in_instances((1, 3, 4), "WindowCenter", "AUTO")  # DQ-36, and DQ-48
    faults.write((2, 1, 1), "Laterality", "SINISTER")  # DQ-34, and DQ-48
    faults.write((2, 2), "Modality", "XX")  # DQ-25; of two series DQ-48 and DQ-50
    faults.write_in_instances((2, 3, 2), "WindowWidth", "0")  # DQ-37
    faults.write((2, 3, 3), "PatientPosition", "SUPINE")  # DQ-38, and DQ-48
    faults.drop((2, 3, 4), "Rows")  # DQ-45
    faults.drop((2, 4, 1), "Columns")  # DQ-46
    faults.drop((2, 4, 2), "SliceThickness")  # DQ-47
    faults.write((2, 4, 3), "Modality", "CT")  # DQ-50
    other = faults.other_header((2, 4, 4), "SeriesDescription", "OTHER")
    faults.run(  # DQ-51
        "update icdm_raw.instance set header_key = %s where series_key = any(%s) and instance_number > 5",
        other,
        faults.keys((2, 4, 4)),
    )
    faults.write((2, 4, 5), "StudyDescription", "OTHER")  # DQ-52
    faults.drop((2, 5), "Manufacturer")  # DQ-26
    faults.drop((3, 1), "Modality")  # DQ-24, and DQ-25; of two series DQ-50
    faults.run(  # DQ-53
        "update icdm_raw.header set accession_keys = accession_keys || array['SYNA0001002'] where series_key = any(%s)",
        faults.keys((3, 2)),
    )
    other = faults.other_header((3, 2, 2), "SeriesDescription", "OTHER")
    faults.run(  # DQ-54
        "insert into icdm_raw.instance select series_key, %s, folder_key, file_size, modification_time_ns, run_id,"
        " removed_run_id, instance_creation, layout_id, instance_number, number_of_frames, is_truncated,"
        " 'z' || file_name, sop_instance_uid, image_position_patient, instance_values from icdm_raw.instance"
        " where series_key = any(%s) and instance_number = 1",
        other,
        faults.keys((3, 2, 2)),
    )
    faults.write((3, 2, 3), "SeriesDate", "19000101")  # DQ-55
    faults.write((3, 2, 4), "SeriesDescription", "call 02-0000-0000")  # DQ-56
    faults.run(  # DQ-57, of the series and of its study, and DQ-60
        "update icdm_raw.instance set removed_run_id = run_id where series_key = any(%s) and instance_number = 7",
        faults.keys((3, 3, 2)),
    )
    faults.write((3, 3, 3), "KVP", "120000")  # DQ-58
    faults.patient((3, 6, 2), "OTHER")  # DQ-17, and DQ-16 and DQ-53
    faults.drop((3, 7), "StudyDate")  # DQ-22
    faults.patient((3, 8), None)  # DQ-16


def break_the_cdm(faults: Faults) -> None:
    faults.procedure("person_id = -1, procedure_source_value = null", (1, 1))  # DQ-19
    faults.procedure("procedure_date = procedure_date + 30", (1, 4))  # DQ-20
    faults.procedure(f"procedure_concept_id = {MR_BRAIN}", (2, 3))  # DQ-21
    faults.run(  # DQ-23, of all five studies of the patient
        f"insert into {CDM}.death (person_id, death_date) values (%s, '2016-01-01')",
        omop_cdm.person_id(PATIENTS[1]),
    )


BROKEN = {
    "DQ-04": 1,
    "DQ-05": 1,
    "DQ-07": 1,
    "DQ-16": 2,
    "DQ-17": 1,
    "DQ-19": 1 + 1,  # and the results of an algorithm, a study of their own that nobody ordered
    "DQ-20": 1,
    "DQ-21": 1,
    "DQ-22": 1,
    "DQ-23": 5,
    "DQ-24": 1,
    "DQ-25": 2,
    "DQ-26": 1,
    "DQ-33": 1,
    "DQ-34": 1,
    "DQ-35": 1,
    "DQ-36": 1,
    "DQ-37": 1,
    "DQ-38": 1,
    "DQ-45": 1,
    "DQ-46": 1,
    "DQ-47": 1,
    "DQ-48": 9 + 2,  # and two codes of the PET's tracer, which nothing maps
    "DQ-50": 5,
    "DQ-51": 1 + 1,  # and the views of the mammography, which lie in one series
    "DQ-52": 1,
    "DQ-53": 2,
    "DQ-54": 1,
    "DQ-55": 1,
    "DQ-56": 1,
    "DQ-57": 2,
    "DQ-58": 2,
    "DQ-60": 1,
    "DQ-62": 1,  # an annotation lies on the image that is gone
}

#: Rules of evidence that are broken elsewhere, in the tables that they read (INJECTIONS of test_rules), and why.
OUTLIER = "needs a hundred series, and no value is a fault of it"
ANNOTATION = "of what annotation files state or measure: broken in the rows that are read of them"
ELSEWHERE = {
    "DQ-06": OUTLIER,
    "DQ-08": OUTLIER,
    "DQ-09": "BlackBlood is derived by the models, which know no other value: raw rows cannot break it",
    "DQ-10": ANNOTATION,
    "DQ-11": ANNOTATION,
    "DQ-12": ANNOTATION,
    "DQ-13": ANNOTATION,
    "DQ-14": ANNOTATION,
    "DQ-28": "needs a vocabulary",
    "DQ-41": ANNOTATION,
    "DQ-42": ANNOTATION,
    "DQ-59": "needs an accepted baseline, which is a seed",
    "DQ-63": "planted in the files of the cohort's sixth patient: test_annotation_tables",
    "DQ-64": "planted in the files of the cohort's sixth patient: test_annotation_tables",
    "DQ-65": ANNOTATION,
    "DQ-61": "needs a vocabulary: test_vocabulary breaks it in a site's own",
}


@pytest.fixture(scope="module")
def counted(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[dict[str, tuple[str, int, int]]]:
    """Status, checked and broken records of every rule, over a small archive and CDM with the faults in them."""
    folder = tmp_path_factory.mktemp("evidence")
    write_demo_data(folder / "cohort", patients=3, seed=SEED)
    server = {name: str(value) for name, value in connection_parameters().items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PGHOST": server["host"], "PGPORT": server["port"]}.items():
            patch.setenv(name, value)
        with connect("pytest") as connection:
            connection.execute("drop schema if exists icdm_raw cascade")
            omop_cdm.load(connection, folder / "cohort" / CDM_FOLDER, CDM)
        clear = ("--identifiers", "clear")
        from_omop = ("--omop-schema", CDM, "--from-omop")
        procedures = (*from_omop, "procedure_occurrence.procedure_source_value")
        assert main(["scan", str(folder / "cohort" / DICOM_FOLDER), *clear]) == 0
        assert main(["crosswalk", "person", *from_omop, *clear]) == 0
        assert main(["crosswalk", "procedure", *procedures, *clear]) == 0
        assert main(["crosswalk", "expected", str(folder / "cohort" / EXPECTED_FILE)]) == 0
        with connect("pytest") as connection:
            break_the_files(Faults(connection))
            break_the_cdm(Faults(connection))
        site = Site(PROJECT, folder / "cohort" / DICOM_FOLDER, folder)
        site.build("--full-refresh", "--vars", json.dumps({"omop_schema": CDM}))
        yield {
            rule_id: (status, checked, failed)
            for rule_id, status, checked, failed in query(
                "select rule_id, status, checked, failed from icdm_quality.dq_result"
            )
        }
        with connect("pytest") as connection:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(CDM)))


def test_every_rule_of_evidence_is_broken_here_or_elsewhere_for_a_reason() -> None:
    evidence = {row["rule_id"] for row in seed("quality", "dq_rule") if row["nature"] == "evidence"}
    assert evidence == {*BROKEN, *ELSEWHERE}
    assert not BROKEN.keys() & ELSEWHERE.keys()


def test_each_fault_is_found_by_its_rule_and_by_what_follows_alone(counted: dict[str, tuple[str, int, int]]) -> None:
    assert {rule_id: failed for rule_id, (_, _, failed) in counted.items() if failed} == BROKEN
    thresholds = {row["rule_id"]: Decimal(row["threshold_pct"]) for row in seed("quality", "dq_rule")}
    too_many = {rule for rule in BROKEN if 100 * (1 - Decimal(BROKEN[rule]) / counted[rule][1]) < thresholds[rule]}
    assert {rule_id for rule_id, (status, _, _) in counted.items() if status == "FAIL"} == too_many
    assert len(too_many) > 25


def test_the_counts_equal_an_independent_recount(counted: dict[str, tuple[str, int, int]]) -> None:
    recounted = Recount().counts()
    assert recounted == {rule_id: counted[rule_id][1:] for rule_id in recounted}
