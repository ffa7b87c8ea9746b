"""The data-quality rules: seed, views, pages, fixtures and tests are one to one, and each rule finds what is put in."""

import csv
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from pydicom.uid import UID

from extract.cli import main
from extract.connection import connect, connection_parameters
from extract.synthetic import DICOM_FOLDER, EXPECTED_FILE, write_demo_data

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "models" / "quality" / "rules"
FIXTURES = ("passes", "violates", "not_applicable")
SECTIONS = ("Lists", "Example", "Reason", "Remedy", "Requires")


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / "quality" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SEED = {row["rule_id"]: row for row in seed("dq_rule")}


def page(rule_id: str) -> dict[str, Any]:
    (path,) = RULES.glob(f"dq_{rule_id[3:]}_*.yml")
    parsed: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return parsed


def test_seed_views_pages_and_the_list_of_views_are_one_to_one() -> None:
    views = sorted(path.stem for path in RULES.glob("*.sql"))
    assert sorted(path.stem for path in RULES.glob("*.yml")) == views
    assert [f"DQ-{view[3:5]}" for view in views] == sorted(SEED)
    listed = re.findall(
        "'(dq_[0-9]{2}_[a-z0-9_]+)'", (PROJECT / "macros" / "rule_views.sql").read_text(encoding="utf-8")
    )
    assert listed == views
    assert {f"DQ-{number:02}" for number in range(1, 45)} <= set(SEED)


@pytest.mark.parametrize("rule_id", SEED)
def test_a_rule_has_its_page_its_test_and_three_fixtures(rule_id: str) -> None:
    row, number = SEED[rule_id], rule_id[3:]
    (model,) = page(rule_id)["models"]
    percent = f"{row['threshold_pct']} %"
    threshold = f"at least {percent}" if row["direction"] == "at_least" else f"below {percent}"
    assert model["config"]["meta"] == {"rule_id": rule_id, "threshold": threshold}
    assert model["config"]["tags"] == [row["nature"]]
    arguments = {"rule_id": rule_id, "default_severity": row["severity"]}
    assert model["data_tests"] == [{"dq_threshold": {"name": f"dq_{number}", "arguments": arguments}}]
    assert len(model["name"]) <= 63
    text = " ".join(model["description"].split())
    assert row["description"] in text and row["note"] in text and f"{percent}" in text
    for section in SECTIONS:
        assert f"**{section}:** " in text, section
    fixtures = {fixture["name"]: fixture for fixture in page(rule_id)["unit_tests"]}
    assert sorted(fixtures) == sorted(f"dq_{number}_{kind}" for kind in FIXTURES)
    assert {fixture["model"] for fixture in fixtures.values()} == {model["name"]}
    assert fixtures[f"dq_{number}_not_applicable"]["expect"] == {"rows": []}
    for kind, broken in (("passes", False), ("violates", True)):
        expect = fixtures[f"dq_{number}_{kind}"]["expect"]
        if expect.get("format") == "sql":
            assert ("false as is_violation" in expect["rows"]) is not broken
        else:
            assert any(record["is_violation"] for record in expect["rows"]) is broken
            assert any(not record["is_violation"] for record in expect["rows"]) or broken


def test_the_printed_thresholds_are_those_of_the_paper() -> None:
    for printed in seed("paper_table_2"):
        row = SEED[printed["rule_id"]]
        words = {"at_least": "at least", "below": "below"}[row["direction"]]
        assert printed["threshold"] == f"{words} {row['threshold_pct']} %"
    sources = {rule_id: row["source"] for rule_id, row in SEED.items()}
    assert {rule_id for rule_id, source in sources.items() if source == "paper_table_2"} == {
        printed["rule_id"] for printed in seed("paper_table_2")
    }
    for rule_id, source in sources.items():
        assert (source == "extended") is (int(rule_id[3:]) > 44)


def test_the_classes_that_have_a_modality_are_sop_classes_of_the_standard() -> None:
    """By pydicom's copy of PS3.6 table A-1; a UID with a slip would never be met, and its rule never fail."""
    assert {UID(row["sop_class_uid"]).type for row in seed("sop_class_modality")} == {"SOP Class"}


@dataclass(frozen=True)
class Built:
    """A built database, and where dbt left what it compiled."""

    folder: Path

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = f"--project-dir {PROJECT} --profiles-dir {PROJECT}".split()
        outputs = f"--target-path {self.folder}/target --log-path {self.folder}/logs".split()
        return subprocess.run(["dbt", *arguments, *places, *outputs], cwd=PROJECT, capture_output=True, text=True)

    def compiled(self, model: str) -> str:
        (path,) = (self.folder / "target" / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("rules")
    write_demo_data(folder / "cohort", patients=3)
    server = {name: str(value) for name, value in connection_parameters().items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PGHOST": server["host"], "PGPORT": server["port"]}.items():
            patch.setenv(name, value)
        with connect("pytest") as connection:
            connection.execute("drop schema if exists icdm_raw cascade")
        assert main(["scan", str(folder / "cohort" / DICOM_FOLDER), "--identifiers", "clear"]) == 0
        assert main(["crosswalk", "expected", str(folder / "cohort" / EXPECTED_FILE)]) == 0
        site = Built(folder)
        result = site.dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        assert result.returncode == 0, result.stdout
        yield site


Connection = psycopg.Connection[tuple[Any, ...]]
Results = dict[str, tuple[str, int]]


def results(connection: Connection, built: Built) -> Results:
    """Status and failed records of every rule by the compiled models, run in the transaction of the connection."""
    connection.execute("delete from icdm_quality.dq_records_counted")
    connection.execute(f"insert into icdm_quality.dq_records_counted {built.compiled('dq_records_counted')}".encode())
    rows = connection.execute(built.compiled("dq_thresholds_compared").encode())
    assert rows.description is not None
    names = [column.name for column in rows.description]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return {record["rule_id"]: (record["status"], record["failed"]) for record in records}


@pytest.fixture
def changeable(built: Built) -> Iterator[Connection]:
    """A transaction that is rolled back, in which the contracts of the four tables do not hold."""
    with connect("pytest") as connection:
        for table in ("imaging_study", "imaging_series", "imaging_annotation", "filepath"):
            constraints = connection.execute(
                "select format('alter table %%s drop constraint %%I', conrelid::regclass, conname) from pg_constraint"
                " where conrelid = %s::regclass and contype <> 'n'",
                (f"icdm.{table}",),
            ).fetchall()
            columns = connection.execute(
                "select format('alter table %%s alter column %%I drop not null', attrelid::regclass, attname)"
                " from pg_attribute where attrelid = %s::regclass and attnotnull and attnum > 0",
                (f"icdm.{table}",),
            ).fetchall()
            for (statement,) in [*constraints, *columns]:
                connection.execute(statement.encode())
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def clean(built: Built) -> Results:
    """What the rules say of the data as they were built."""
    with connect("pytest") as connection:
        found = results(connection, built)
        connection.rollback()
    return found


def test_on_clean_data_every_rule_passes_or_does_not_apply(clean: Results) -> None:
    assert set(clean) == set(SEED)
    assert {rule_id: result for rule_id, result in clean.items() if result[0] == "FAIL"} == {}
    passed = {rule_id for rule_id, (status, _) in clean.items() if status == "PASS"}
    assert len(passed) > 30


@dataclass(frozen=True)
class Injection:
    """What is done to the database, how many records must break the rule then, and which rules may follow."""

    statements: tuple[str, ...]
    failed: str | int
    follows: tuple[str, ...] = ()
    status: str = "FAIL"


def update(attribute: str, assignment: str, follows: tuple[str, ...] = ()) -> Injection:
    """Change all rows of an attribute; each of them breaks the rule."""
    where = f"from icdm.imaging_series where series_source_value = '{attribute}'"
    statement = f"update icdm.imaging_series set {assignment} where series_source_value = '{attribute}'"
    return Injection((statement,), f"select count(*) {where}", follows)


def studies(assignment: str, where: str = "true", follows: tuple[str, ...] = ()) -> Injection:
    """Change studies; each of them breaks the rule."""
    statement = f"update icdm.imaging_study set {assignment} where {where}"
    return Injection((statement,), f"select count(*) from icdm.imaging_study where {where}", follows)


def annotations(values: str, failed: int, follows: tuple[str, ...] = (), status: str = "FAIL") -> Injection:
    """Insert annotations of a series that is there: id, attribute, number, text, unit."""
    statement = (
        "insert into icdm.imaging_annotation (imaging_annotation_id, imaging_study_id, unique_series_id, filepath_id,"
        " annotation_source_value, value_as_number, value_source_value, unit_concept_id)"
        " select made.id, series.imaging_study_id, series.unique_series_id, made.id + 1000000, made.attribute,"
        " made.number, made.text, made.unit from (select * from icdm.imaging_series limit 1) as series"
        f" cross join ({values}) as made (id, attribute, number, text, unit)"
    )
    return Injection((statement,), failed, follows, status)


def outliers(attribute: str) -> tuple[str, ...]:
    return (
        f"delete from icdm.imaging_series where series_source_value = '{attribute}'",
        "insert into icdm.imaging_series (imaging_series_id, imaging_study_id, unique_series_id, person_id,"
        " filepath_id, series_concept_id, series_source_value, value_as_number, value_source_value)"
        " select -ids.id, series.imaging_study_id, series.unique_series_id || '.' || ids.id, series.person_id,"
        f" series.filepath_id, 0, '{attribute}', case ids.id when 7 then 16 when 9 then 4096 else 512 end, 'x'"
        " from generate_series(1, 200) as ids (id)"
        " cross join (select * from icdm.imaging_series limit 1) as series",
    )


IMAGES = "number_of_frames is not null"
ANY_SERIES = (
    "(select series_key from icdm_work.int_series__values_collapsed where attribute = 'FrameOfReferenceUID'"
    " and value is not null order by 1 limit 1)"
)
INJECTIONS = {
    "DQ-01": studies("number_of_series = number_of_series + 1", "number_of_instance > number_of_series"),
    "DQ-02": studies("number_of_instance = number_of_instance + 1", follows=("DQ-57",)),
    "DQ-03": studies("number_of_instance = null", follows=("DQ-02", "DQ-27", "DQ-57")),
    "DQ-04": update("SliceThickness", "value_as_number = null", ("DQ-48",)),
    "DQ-05": update("Rows", "value_as_number = null", ("DQ-48",)),
    "DQ-06": Injection(outliers("Rows"), 2, ("DQ-01", "DQ-31", "DQ-44", "DQ-45"), "PASS"),
    "DQ-07": update("Columns", "value_as_number = null", ("DQ-48",)),
    "DQ-08": Injection(outliers("Columns"), 2, ("DQ-01", "DQ-31", "DQ-44", "DQ-46"), "PASS"),
    "DQ-09": update("BlackBlood", "value_as_concept_id = 9191"),
    "DQ-10": annotations("values (1, 'LongAxis', null::numeric, 'x', 8588), (2, 'LongAxis', 3, '3', 8588)", 1),
    "DQ-11": Injection(
        (
            "delete from icdm.imaging_annotation where annotation_source_value = 'LongAxis'",
            *annotations(
                "select id, 'LongAxis', case id when 7 then 900 else 9 end, 'x', 8588"
                " from generate_series(1, 200) as ids (id)",
                1,
            ).statements,
        ),
        1,
        status="PASS",
    ),
    "DQ-12": annotations("values (1, 'Volume', null::numeric, 'x', 8686)", 1),
    "DQ-13": annotations("values (1, 'AnnotationText', null::numeric, ' ', null::integer)", 1),
    "DQ-14": annotations("values (1, 'SurfaceArea', null::numeric, 'x', 9572)", 1),
    "DQ-15": Injection(
        (
            "create temporary table again on commit drop as select * from icdm.imaging_study limit 1",
            "update again set imaging_study_id = -1",
            "insert into icdm.imaging_study select * from again",
        ),
        2,
        ("DQ-01", "DQ-02", "DQ-43", "DQ-45", "DQ-46", "DQ-47"),
    ),
    "DQ-16": Injection(
        ("insert into icdm_work.stg_omop__persons (person_id) values (-1)",), "select count(*) from icdm.imaging_study"
    ),
    "DQ-17": Injection(
        ("update icdm_work.int_study__patients_counted set number_of_patients = 2",),
        "select count(*) from icdm_work.int_study__patients_counted",
    ),
    "DQ-18": Injection(
        (
            "insert into icdm_work.stg_omop__procedure_occurrences (procedure_occurrence_id, person_id)"
            " values (81, -1)",
            "update icdm.imaging_study set procedure_occurrence_id = 81",
        ),
        "select count(*) from icdm.imaging_study",
    ),
    "DQ-19": Injection(
        (
            "insert into icdm_work.stg_omop__observation_periods"
            " (person_id, observation_period_start_date, observation_period_end_date)"
            " values (-1, '1900-01-01', '2999-01-01')",
            "insert into icdm_work.stg_omop__procedure_occurrences (procedure_occurrence_id, procedure_concept_id)"
            " values (81, 5)",
            "insert into icdm_work.int_linkage__procedure_modalities (procedure_concept_id) values (5)",
            "update icdm.imaging_study set person_id = -1",
            "update icdm.imaging_series set person_id = -1",
            "update icdm.imaging_annotation set person_id = -1",
        ),
        "select count(*) from icdm_work.int_linkage__studies where omop_date is not null",
    ),
    "DQ-20": Injection(
        (
            "insert into icdm_analysis.study_procedure (imaging_study_id, link_rank, linked_by, day_distance)"
            " select imaging_study_id, 1, 'accession_number', 8 from icdm.imaging_study",
        ),
        "select count(*) from icdm.imaging_study",
    ),
    "DQ-21": Injection(
        (
            "insert into icdm_analysis.study_procedure (imaging_study_id, link_rank, linked_by, modality_agrees)"
            " select imaging_study_id, 1, 'study_instance_uid', false from icdm.imaging_study",
        ),
        "select count(*) from icdm.imaging_study",
    ),
    "DQ-22": studies("study_date = '2999-01-01'", follows=("DQ-55",)),
    "DQ-23": Injection(
        (
            "insert into icdm_work.stg_omop__deaths values (-1, '1900-01-01')",
            "update icdm.imaging_study set person_id = -1",
            "update icdm.imaging_series set person_id = -1",
            "update icdm.imaging_annotation set person_id = -1",
        ),
        "select count(*) from icdm.imaging_study where study_date is not null",
    ),
    "DQ-24": studies("modality_source_value = null", IMAGES),
    "DQ-25": studies("modality_concept_id = 0", IMAGES),
    "DQ-26": studies("manufacturer = ' '", IMAGES),
    "DQ-27": studies("number_of_series = 0", follows=("DQ-01",)),
    "DQ-28": Injection(
        (
            "delete from icdm_work.stg_omop__concepts",
            "insert into icdm_work.stg_omop__concepts (concept_id, vocabulary_id)"
            " select distinct study_type_concept_id, 'SNOMED' from icdm.imaging_study",
        ),
        "select count(*) from icdm.imaging_study",
        ("DQ-25",),
    ),
    "DQ-29": Injection(
        (
            "create temporary table again on commit drop as select * from icdm.imaging_series"
            " where series_source_value = 'Rows'",
            "update again set imaging_series_id = -imaging_series_id",
            "insert into icdm.imaging_series select * from again",
        ),
        "select count(*) from icdm.imaging_series where series_source_value = 'Rows'",
        ("DQ-06",),
    ),
    "DQ-30": Injection(
        ("update icdm.imaging_series set person_id = -1",), "select count(*) from icdm.imaging_series", ("DQ-41",)
    ),
    "DQ-31": update("SeriesDescription", "series_source_value = 'SeriesDescriptio'"),
    "DQ-32": update("SeriesDescription", "value_source_value = ' '"),
    "DQ-33": update("BodyPartExamined", "value_as_concept_id = 0", ("DQ-48",)),
    "DQ-34": update(
        "Manufacturer", "series_source_value = 'Laterality', value_source_value = 'LEFT'", ("DQ-29", "DQ-31", "DQ-48")
    ),
    "DQ-35": Injection(
        ("update icdm.imaging_series set value_as_number = 0 where series_source_value = 'SliceThickness'",),
        "select count(*) from icdm.imaging_series inner join icdm.imaging_study using (imaging_study_id)"
        " inner join icdm_work.int_series__facts as facts"
        " on facts.series_instance_uid = unique_series_id"
        " and facts.study_instance_uid = imaging_study.study_instance_uid"
        " where series_source_value = 'SliceThickness' and facts.modality in ('CT', 'MR', 'PT')",
        ("DQ-58",),
    ),
    "DQ-36": update("WindowCenter", "value_as_number = null", ("DQ-48",)),
    "DQ-37": update("WindowWidth", "value_as_number = 0"),
    "DQ-38": update("PatientPosition", "value_source_value = 'SUPINE'"),
    "DQ-39": update("NumberOfInstances", "value_as_number = 0.5", ("DQ-02", "DQ-57")),
    "DQ-40": update("SliceThickness", "unit_concept_id = 8582"),
    "DQ-41": Injection(
        (
            *annotations("values (1, 'Other', null::numeric, 'x', null::integer)", 1).statements,
            "update icdm.imaging_annotation set unique_series_id = '9' where imaging_annotation_id = 1",
        ),
        1,
    ),
    "DQ-42": annotations(
        "values (1, 'Volume', 0, '0', 8686), (2, 'LongAxis', 1, '1', 8587), (3, 'LongAxis', 0, '0', 8588)", 2
    ),
    "DQ-43": Injection(("update icdm.filepath set file_size = 0",), "select count(*) from icdm.filepath"),
    "DQ-44": Injection(
        ("delete from icdm.filepath where filepath_type_concept_id <> 2140010003",),
        "select count(*) from icdm.filepath where filepath_type_concept_id <> 2140010003",
    ),
    "DQ-45": Injection(
        ("delete from icdm.imaging_series where series_source_value = 'Rows'",),
        "select count(*) from icdm_work.int_series__facts where holds_images",
        ("DQ-06",),
    ),
    "DQ-46": Injection(
        ("delete from icdm.imaging_series where series_source_value = 'Columns'",),
        "select count(*) from icdm_work.int_series__facts where holds_images",
        ("DQ-08",),
    ),
    "DQ-47": Injection(
        ("delete from icdm.imaging_series where series_source_value = 'SliceThickness'",),
        "select count(distinct series_key) from icdm_work.int_series__headers_counted where sop_class_uid in"
        " ('1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.128')",
    ),
    "DQ-48": Injection(
        ("update icdm.imaging_series set value_as_concept_id = 0 where value_as_concept_id is not null",),
        "select count(*) from icdm.imaging_series inner join icdm_vocabulary.dicom_attribute"
        " on name || coalesce('[' || component || ']', '') = series_source_value where kind = 'code'",
        ("DQ-09", "DQ-33"),
    ),
    "DQ-49": Injection(
        ("update icdm_quality.reconciliation set left_count = left_count + 1",),
        "select count(*) from icdm_quality.reconciliation",
    ),
    "DQ-50": Injection(
        ("update icdm_work.int_series__facts set modality = 'XX'",),
        "select count(distinct series_key) from icdm_work.int_series__headers_counted"
        " inner join icdm_quality.sop_class_modality using (sop_class_uid)",
    ),
    "DQ-51": Injection(
        (
            "update icdm_work.int_series__values_collapsed set distinct_values = 2"
            " where attribute = 'SeriesDescription'",
        ),
        "select count(*) from icdm_work.int_series__values_collapsed where attribute = 'SeriesDescription'",
    ),
    "DQ-52": Injection(
        ("update icdm_work.int_series__values_collapsed set distinct_values = 2 where attribute = 'StudyDate'",),
        "select count(*) from icdm.imaging_study where study_date is not null",
        ("DQ-51",),
    ),
    "DQ-53": Injection(("update icdm_work.int_series__headers_counted set accession_keys = array['one']",), 1),
    "DQ-54": Injection(
        (
            "insert into icdm_work.int_series__copies_classed (sop_instance_uid, copy_number, copy_class)"
            " values ('1', 2, 'other patient'), ('1', 3, 'same header'), ('1', 1, 'published')",
        ),
        1,
    ),
    "DQ-55": Injection(
        ("update icdm.imaging_series set value_source_value = '19000101' where series_source_value = 'SeriesDate'",),
        "select count(*) from icdm.imaging_series inner join icdm.imaging_study using (imaging_study_id)"
        " where series_source_value = 'SeriesDate' and study_date is not null",
    ),
    "DQ-56": Injection(
        (
            "update icdm.imaging_series set value_source_value = 'call 02-0000-0000'"
            " where series_source_value = 'SeriesDescription'",
        ),
        1,
    ),
    "DQ-57": Injection(
        ("update icdm_raw.expected_count set number_of_instances = number_of_instances + 1",),
        "select count(*) from icdm_raw.expected_count",
    ),
    "DQ-58": update("KVP", "value_as_number = 120000"),
    "DQ-59": Injection(
        (
            "insert into icdm_quality.dq_baseline"
            " select distinct 'KVP', modality, manufacturer, 1, 2, current_date, 'x'"
            " from icdm_work.int_series__facts where modality is not null and manufacturer is not null",
        ),
        "select count(*) from icdm.imaging_series where series_source_value = 'KVP'",
    ),
    "DQ-60": Injection(
        (
            "insert into icdm_quality.volume_geometry (study_instance_uid, series_instance_uid, stack_key, modality,"
            " is_diagnostic, verdict) select '9', '9', id::text, 'CT', true, 'gap'"
            " from generate_series(1, 1000) as ids (id)",
        ),
        1000,
    ),
    # There is no vocabulary here; test_vocabulary breaks the rule in a site's own.
    "DQ-61": Injection(
        (
            "insert into icdm_work.int_vocabulary__concepts_judged (concept_id, is_custom, is_in_vocabulary, finding)"
            " select concept_id, is_custom, not is_custom, case concept_id when 9470 then 'invalid' end"
            " from icdm_work.int_vocabulary__concepts_used",
        ),
        1,
    ),
    "DQ-62": Injection(
        (
            "insert into icdm_work.int_annotation__images_counted (annotation_group_id, series_key, number_of_images,"
            " images_elsewhere, images_unknown) values (-1, 1, 9, 1, 0), (-2, 1, 9, 0, 1), (-3, 1, 9, 0, 0)",
        ),
        2,
    ),
    "DQ-63": Injection(
        (
            "insert into icdm_work.int_annotation__annotations_identified (annotation_group_id, series_key,"
            f" frame_of_reference_uid) values (-1, {ANY_SERIES}, '9.9')",
        ),
        1,
    ),
    "DQ-64": Injection(
        (
            "insert into icdm_work.int_study__patients_counted (study_instance_uid, number_of_patients, patient_key)"
            " values ('9', 1, 'nobody')",
            "insert into icdm_work.int_annotation__annotations_identified (annotation_group_id, file_input,"
            " study_instance_uid) values (-1, '9.1', '9')",
            "insert into icdm_work.int_annotation__files_identified (file_input, series_key, header_key)"
            " select '9.1', series_key, header_key from icdm_raw.header where patient_key is not null limit 1",
        ),
        1,
    ),
    "DQ-65": Injection(
        (
            "insert into icdm_work.int_annotation__annotations_identified (annotation_group_id, id_input)"
            " select -ids.id, ids.id::text from generate_series(1, 1000) as ids (id)",
            "insert into icdm_work.int_annotation__rows_identified (imaging_annotation_id, annotation_input, attribute,"
            " value_as_number, origin) select made.place - 2 * ids.id, ids.id::text, 'Volume', made.volume,"
            " made.origin"
            " from generate_series(1, 1000) as ids (id)"
            " cross join (values (0, 100, 'stated'), (1, 50, 'measured')) as made (place, volume, origin)",
        ),
        1000,
    ),
}


def test_every_rule_has_something_injected() -> None:
    assert sorted(INJECTIONS) == sorted(SEED)


@pytest.mark.parametrize("rule_id", INJECTIONS)
def test_what_is_put_in_is_found_by_its_rule_with_the_exact_count(
    rule_id: str, built: Built, clean: Results, changeable: Connection
) -> None:
    injection = INJECTIONS[rule_id]
    expected = injection.failed
    if isinstance(expected, str):
        ((expected,),) = changeable.execute(expected.encode()).fetchall()
    assert expected > 0
    assert clean[rule_id][0] != "FAIL"
    for statement in injection.statements:
        changeable.execute(statement.encode())
    after = results(changeable, built)
    assert after[rule_id] == (injection.status, expected)
    others = {other for other, (_, failed) in after.items() if failed != clean[other][1] and other != rule_id}
    assert others <= set(injection.follows)


def test_a_failing_rule_stops_the_build_or_warns_and_skips_nothing(built: Built) -> None:
    """An invariant is an error and evidence a warning, the variable goes before both; the history keeps every run."""
    with connect("pytest") as connection:
        connection.execute("update icdm.imaging_study set number_of_instance = number_of_instance + 5")
        connection.execute("update icdm.imaging_study set manufacturer = ' '")
        ((runs,),) = connection.execute("select count(distinct run_id) from icdm_quality.dq_result_history").fetchall()
    options = ("build", "--exclude-resource-type", "unit_test", "--select", "path:models/quality", "table_2")
    failed = built.dbt(*options)
    assert failed.returncode == 1
    assert re.search(r"FAIL [0-9]+ dq_02 ", failed.stdout) and re.search(r"WARN [0-9]+ dq_26 ", failed.stdout)
    assert "SKIP=0" in failed.stdout
    warned = built.dbt(*options, "--vars", "dq_severity: warn")
    assert warned.returncode == 0, warned.stdout
    assert re.search(r"WARN [0-9]+ dq_02 ", warned.stdout)
    with connect("pytest") as connection:
        statuses = dict(connection.execute("select rule_id, status from icdm_quality.dq_result").fetchall())
        ((now,),) = connection.execute("select count(distinct run_id) from icdm_quality.dq_result_history").fetchall()
        ((printed,),) = connection.execute(
            "select status from icdm_analysis.table_2 where rule_id = 'DQ-02'"
        ).fetchall()
    assert {rule_id for rule_id, status in statuses.items() if status == "FAIL"} == {"DQ-02", "DQ-26", "DQ-49", "DQ-57"}
    assert now == runs + 2 and printed == "FAIL"
    shown = built.dbt("run-operation", "--quiet", "print_dq_result").stdout
    evidence, _, invariants = shown.partition("INVARIANTS")
    assert re.search(r"what\ndq_26_\w+ +FAIL", evidence) and re.search(r"what\ndq_02_\w+ +FAIL", invariants)
