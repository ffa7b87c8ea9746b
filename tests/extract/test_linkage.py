"""From files and a site's CDM to links, built for real: each link right, none made up, nothing of the site touched."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from extract.cli import main
from extract.connection import connect, connection_parameters
from extract.synthetic.cdm_tables import TABLES

PROJECT = Path(__file__).parents[2]
STRICT = json.dumps({"error": "all", "warn": ["LogTestResult"]})
SOP_CLASS = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
}
CT_CHEST, CT_ABDOMEN, CT_CHEST_CONTRAST, MR_BRAIN, XRAY_CHEST, PET = (
    4058335,
    4061009,
    4327032,
    37311324,
    4163872,
    4305790,
)
SITE_CT_CHEST = 2_000_000_017  # known to the site's vocabulary alone
RADIOLOGY_REPORT, PROCEDURE_FIELD = 32841, 1147082


@dataclass(frozen=True)
class Study:
    """A synthetic study of one image for each PatientID."""

    uid: str
    date: str
    modality: str
    body_part: str = ""
    patients: tuple[str, ...] = ("H-1",)
    accession: str = ""
    requested: tuple[str, ...] = ()
    modified: str = ""

    def write(self, folder: Path) -> None:
        for number, patient in enumerate(self.patients):
            dataset = Dataset()
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SOP_CLASS[self.modality]
            instance = UID(f"{self.uid}.1.{number + 1}")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.uid, f"{self.uid}.1"
            dataset.PatientID, dataset.AccessionNumber = patient, self.accession
            dataset.StudyDate, dataset.StudyTime, dataset.Modality = self.date, "101500", self.modality
            dataset.BodyPartExamined = self.body_part
            if self.modified:
                dataset.LongitudinalTemporalInformationModified = self.modified
            dataset.RequestAttributesSequence = [Dataset() for _ in self.requested]
            for item, accession in zip(dataset.RequestAttributesSequence, self.requested, strict=True):
                item.AccessionNumber = accession
            dataset.save_as(folder / f"{instance}", enforce_file_format=True)


STUDIES = (
    Study("1.9.1", "20120304", "CT", "CHEST", accession="a-1", requested=("A-2",)),
    Study("1.9.2", "20120401", "PT", accession="A-3"),
    Study("1.9.3", "20120401", "CT", "WHOLEBODY", accession="A-3"),
    Study("1.9.4", "20120501", "CT", "CHEST", accession="A-4"),
    Study("1.9.5", "20120601", "MR", "HEAD"),
    Study("1.9.6", "20120701", "MR", "BRAIN"),
    Study("1.9.7", "20120801", "CT"),
    Study("1.9.8", "20120901", "CR", "CHEST"),
    Study("1.9.9", "20121001", "CT", "CHEST", modified="MODIFIED"),
    Study("1.9.10", "20121110", "CT", "CHEST", patients=("H-2",), modified="MODIFIED"),
    Study("1.9.11", "20120304", "CT", "CHEST", patients=("H-1", "H-3")),
    Study("1.9.12", "20130101", "CT", "CHEST", patients=("H-1", "OLD-1")),
    Study("1.9.13", "20130101", "CT", "CHEST", patients=("H-9",)),
    Study("1.9.14", "20130201", "CT", "CHEST"),
    Study("1.9.15", "20130301", "CR", "CHEST", patients=("",)),
)

# procedure_occurrence_id: person, concept, date
PROCEDURES = {
    11: (71, CT_CHEST, "2012-03-04"),
    12: (71, CT_ABDOMEN, "2012-03-04"),
    21: (71, PET, "2012-04-01"),
    41: (73, CT_CHEST, "2012-05-01"),  # what A-4 points to, wrongly
    42: (71, CT_CHEST, "2012-05-01"),
    51: (71, MR_BRAIN, "2012-06-02"),  # a day off
    61: (71, MR_BRAIN, "2012-07-11"),  # ten days off
    71: (71, CT_CHEST, "2012-08-01"),
    72: (71, CT_ABDOMEN, "2012-08-01"),
    81: (71, XRAY_CHEST, "2012-09-01"),  # ordered
    82: (71, XRAY_CHEST, "2012-09-01"),  # performed
    91: (71, CT_CHEST, "2012-10-01"),
    101: (72, CT_CHEST_CONTRAST, "2012-11-01"),  # the files say ten days later minus one
    121: (71, CT_CHEST, "2013-01-01"),
    141: (71, SITE_CT_CHEST, "2013-02-01"),
    151: (71, XRAY_CHEST, "2014-01-01"),  # no images
}
# note_id: person, date, procedure
NOTES = {
    1: (71, "2012-03-04", 11),
    2: (71, "2012-03-06", 11),  # an addendum
    3: (71, "2012-09-01", None),
    4: (73, "2012-05-01", 41),
    5: (71, "2012-08-01", None),  # of which of two procedures?
}

# study: person, procedure, note
EXPECTED: Mapping[str, tuple[int | None, int | None, int | None]] = {
    "1.9.1": (71, 11, 2),
    "1.9.2": (71, 21, None),
    "1.9.3": (71, 21, None),
    "1.9.4": (71, 42, None),
    "1.9.5": (71, 51, None),
    "1.9.6": (71, None, None),
    "1.9.7": (71, None, None),
    "1.9.8": (71, 81, 3),
    "1.9.9": (71, None, None),
    "1.9.10": (72, 101, None),
    "1.9.11": (None, None, None),
    "1.9.12": (71, 121, None),
    "1.9.13": (None, None, None),
    "1.9.14": (71, None, None),
    "1.9.15": (None, None, None),
}


def query(statement: str) -> list[tuple[Any, ...]]:
    with connect("pytest") as connection:
        return connection.execute(statement.encode()).fetchall()


def execute(statement: str) -> None:
    with connect("pytest") as connection:
        connection.execute(statement.encode())


def links() -> dict[str, tuple[Any, ...]]:
    found = query("select study_instance_uid, person_id, procedure_occurrence_id, note_id from icdm.imaging_study")
    return {uid: tuple(rest) for uid, *rest in found}


def state_of(schema: str) -> dict[str, tuple[Any, ...]]:
    """Rows, content, last writer and file of every table, and what stands on it."""
    tables = query(f"select relname, relfilenode from pg_class where relnamespace = '{schema}'::regnamespace")
    content = {}
    for name, file in tables:
        dependents = (
            "select count(*) from pg_depend inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid"
            f" where pg_depend.refobjid = '{schema}.{name}'::regclass"
        )
        content[name] = (
            file,
            *query(
                "select count(*), md5(coalesce(string_agg(t::text, '|' order by t::text), '')),"
                f" max(t.xmin::text::bigint), ({dependents}) from {schema}.{name} as t"
            )[0],
        )
    return content


@pytest.fixture(scope="module")
def build(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Any]:
    """An archive, a complete CDM in schema site_cdm and its crosswalks; builds what stands on a CDM by variables."""
    folder = tmp_path_factory.mktemp("linkage")
    archive = folder / "archive"
    archive.mkdir()
    for study in STUDIES:
        study.write(archive)
    persons, orders = folder / "persons.csv", folder / "orders.csv"
    persons.write_text(
        "patient_id,person_id,date_shift_days\nH-1,71,\nold-1,71,\nH-2,72,9\nH-3,73,\n", encoding="utf-8"
    )
    orders.write_text(
        "accession_number,procedure_occurrence_id\nA-1,11\nA-2,12\nA-3,21\nA-4,41\nA-4,999\n", encoding="utf-8"
    )
    with connect("pytest") as connection:
        connection.execute("drop schema if exists icdm_raw cascade")
        connection.execute("drop schema if exists site_cdm cascade; create schema site_cdm")
        for table in TABLES:
            columns = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type)) for column in table.columns
            )
            connection.execute(sql.SQL("create table {} ({})").format(sql.Identifier("site_cdm", table.name), columns))
        connection.execute("alter table site_cdm.procedure_occurrence alter procedure_occurrence_id type numeric(20)")
        connection.execute("insert into site_cdm.person (person_id) values (71), (72), (73)")
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into site_cdm.procedure_occurrence"
                " (procedure_occurrence_id, person_id, procedure_concept_id, procedure_date) values (%s, %s, %s, %s)",
                [(number, *row) for number, row in PROCEDURES.items()],
            )
            cursor.executemany(
                "insert into site_cdm.note (note_id, person_id, note_date, note_event_id, note_type_concept_id,"
                " note_event_field_concept_id) values (%s, %s, %s, %s, %s, %s)",
                [(number, *row, RADIOLOGY_REPORT, PROCEDURE_FIELD) for number, row in NOTES.items()],
            )
    server = {name: str(value) for name, value in connection_parameters().items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PGHOST": server["host"], "PGPORT": server["port"]}.items():
            patch.setenv(name, value)
        clear = ("--identifiers", "clear")
        assert main(["scan", str(archive), "--jobs", "1", *clear]) == 0
        assert main(["crosswalk", "person", str(persons), *clear]) == 0
        assert main(["crosswalk", "procedure", str(orders), *clear]) == 0

        def run(select: str, **variables: str) -> str:
            """Build without any warning but what the rules find in these data, and return what the run tells."""
            result = subprocess.run(
                [
                    *(str(Path(sys.executable).with_name("dbt")), "--warn-error-options", STRICT, "build"),
                    *("--exclude-resource-type", "unit_test", "--select", select, "--vars", json.dumps(variables)),
                    *("--no-use-colors", "--project-dir", str(PROJECT), "--profiles-dir", str(profiles_directory)),
                    *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
                ],
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, result.stdout
            findings = set(re.findall(r" WARN [0-9]+ (\w+)", result.stdout))
            assert {name for name in findings if not name.startswith("dq_")} <= {"concepts_wait_for_a_vocabulary"}
            return result.stdout

        run("fqn:*", omop_schema="site_cdm")
        yield run


def test_every_link_is_right_and_the_clinical_tables_are_as_before(build: Any) -> None:
    before = state_of("site_cdm")
    assert len(before) == len(TABLES)
    build("staging.omop+", omop_schema="site_cdm")
    assert state_of("site_cdm") == before
    assert links() == EXPECTED
    assert query(
        "select study_instance_uid, procedure_occurrence_id, tier, link_rank, day_distance, candidates"
        " from icdm_analysis.study_procedure order by study_instance_uid, link_rank"
    ) == [
        ("1.9.1", 11, 1, 1, 0, 2),
        ("1.9.1", 12, 1, 2, 0, 2),
        ("1.9.10", 101, 2, 1, 0, 1),
        ("1.9.12", 121, 2, 1, 0, 1),
        ("1.9.2", 21, 1, 1, 0, 1),
        ("1.9.3", 21, 1, 1, 0, 1),
        ("1.9.4", 42, 2, 1, 0, 1),
        ("1.9.5", 51, 3, 1, 1, 1),
        ("1.9.8", 81, 2, 1, 0, 1),
        ("1.9.8", 82, 2, 2, 0, 1),
    ]
    assert query(
        "select study_instance_uid, event_id, refused_because from icdm_quality.refused_links order by 1, 2"
    ) == [("1.9.4", 41, "procedure of another person"), ("1.9.4", 999, "no such procedure")]
    assert dict(query("select study_instance_uid, reason from icdm_quality.unmatched where link = 'procedure'")) == {
        "1.9.6": "no procedure agrees",
        "1.9.7": "ambiguous: several procedures agree",
        "1.9.9": "dates shifted",
        "1.9.11": "no person",
        "1.9.13": "no person",
        "1.9.14": "no procedure agrees",
        "1.9.15": "no person",
    }
    assert dict(query("select study_instance_uid, reason from icdm_quality.unmatched where link = 'person'")) == {
        "1.9.11": "several patients in the study",
        "1.9.13": "patient unknown to the crosswalk",
        "1.9.15": "no PatientID",
    }
    assert query("select study_instance_uid from icdm_quality.studies_with_several_patients") == [("1.9.11",)]
    assert query(
        "select modalities_in_study, procedure_concept_id from icdm_quality.modality_check where verdict <> 'agrees'"
    ) == [("CT", PET)]
    assert query(
        "select count(*) from icdm.imaging_series inner join icdm.imaging_study using (imaging_study_id)"
        " where imaging_series.person_id is distinct from imaging_study.person_id"
    ) == [(0,)]


def test_a_vocabulary_knows_procedures_that_the_seed_does_not(build: Any) -> None:
    execute(
        "drop schema if exists athena cascade; create schema athena;"
        "create table athena.concept as select concept_id, concept_name, domain_id, vocabulary_id, concept_code,"
        " case when not is_custom then 'S' end as standard_concept, null::text as invalid_reason"
        " from icdm_work.int_vocabulary__concepts_used;"
        "create table athena.concept_ancestor (ancestor_concept_id integer, descendant_concept_id integer,"
        " min_levels_of_separation integer, max_levels_of_separation integer);"
        f"insert into athena.concept_ancestor values (4300757, {SITE_CT_CHEST}, 1, 1),"
        f" (4211641, {SITE_CT_CHEST}, 2, 2), ({SITE_CT_CHEST}, {SITE_CT_CHEST}, 0, 0),"
        f" (4178367, {SITE_CT_CHEST}, 3, 3), (4178367, 4300757, 1, 1)"
    )
    before = state_of("athena")
    told = build("staging.omop+", omop_schema="site_cdm", vocabulary_schema="athena")
    assert "athena.concept_relationship is not there" in told and "athena.concept_ancestor" not in told
    assert links() == {**EXPECTED, "1.9.14": (71, 141, None)}
    assert state_of("athena") == before


def test_a_cdm_may_lack_tables_and_columns(build: Any) -> None:
    """Then what hangs on them is NULL, the rest as before, and the build says what it went without."""
    execute(
        "drop schema if exists small_cdm cascade; create schema small_cdm;"
        "create table small_cdm.person as select person_id from site_cdm.person;"
        "create table small_cdm.procedure_occurrence as select procedure_occurrence_id, person_id,"
        " procedure_concept_id, procedure_date from site_cdm.procedure_occurrence"
    )
    told = build("staging.omop+", omop_schema="small_cdm")
    assert "small_cdm.note is not there" in told
    assert (
        "small_cdm.procedure_occurrence lacks procedure_datetime, procedure_type_concept_id, visit_occurrence_id"
        in told
    )
    assert links() == {uid: (person, procedure, None) for uid, (person, procedure, _) in EXPECTED.items()}
    lacking = query(
        "select table_name, column_name from icdm_quality.unavailable_sources where schema_name = 'small_cdm'"
    )
    assert {("note", None), ("death", None), ("procedure_occurrence", "visit_occurrence_id")} < set(lacking)
    assert ("person", "person_id") not in lacking


def test_without_any_cdm_nothing_is_linked_and_the_build_says_so(build: Any) -> None:
    told = build("staging.omop+", omop_schema="no_such_cdm")
    assert "no_such_cdm.person is not there" in told
    assert links() == dict.fromkeys(EXPECTED, (None, None, None))
    assert query("select count(*) from icdm_analysis.study_procedure") == [(0,)]
    assert query("select count(*) from pg_namespace where nspname = 'no_such_cdm'") == [(0,)]
    reasons = query("select how, studies from icdm_analysis.linkage where link = 'person'")
    assert sorted(reasons) == [
        ("no PatientID", 1),
        ("patient unknown to the crosswalk", 1),
        ("person not in PERSON", 11),
        ("several patients in the study", 2),
    ]
