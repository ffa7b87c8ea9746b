"""`icdm-extract crosswalk procedure` and `note`: an accession meets itself, however each side writes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from extract.cli import main

KEY = "a key of the tests alone"
KINDS = {"procedure": "procedure_occurrence_id", "note": "note_id"}

Connection = psycopg.Connection[tuple[Any, ...]]
Run = Callable[..., str]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)
    monkeypatch.delenv("ICDM_PATIENT_ID_REWRITE", raising=False)
    monkeypatch.delenv("ICDM_ACCESSION_REWRITE", raising=False)


@pytest.fixture
def run(connection: Connection, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command and return what it prints on both streams."""

    def command(*arguments: str | Path, code: int = 0) -> str:
        connection.rollback()
        given = main([*map(str, arguments)])
        output = capsys.readouterr()
        assert given == code, output.err
        return output.out + output.err

    return command


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    found = connection.execute(query.encode()).fetchall()
    connection.commit()
    return found


def content(connection: Connection, kind: str) -> list[tuple[Any, ...]]:
    return rows(
        connection,
        f"select origin, accession_key, study_instance_uid, {KINDS[kind]} from icdm_raw.{kind}_crosswalk"
        f" order by origin, accession_key nulls last, study_instance_uid, {KINDS[kind]}",
    )


def last_load(connection: Connection) -> tuple[Any, ...]:
    columns = "kind, origin, rows_loaded, rows_refused, rows_skipped"
    (load,) = rows(connection, f"select {columns} from icdm_raw.crosswalk_load order by load_id desc limit 1")
    return load


def write(folder: Path, *lines: str) -> Path:
    path = folder / "orders.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_image(path: Path, accession: str, *requested: str) -> Path:
    """A synthetic CT image with its own accession and those of its requests."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.9.1.1")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.9", "1.2.9.1"
    dataset.PatientID, dataset.AccessionNumber = "SYN-0001", accession
    dataset.RequestAttributesSequence = [Dataset() for _ in requested]
    for item, number in zip(dataset.RequestAttributesSequence, requested, strict=True):
        item.AccessionNumber = number
    path.parent.mkdir(exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path.parent


@pytest.fixture
def omop(connection: Connection) -> str:
    """A schema whose orders hold accessions: of procedures, of notes, and rows that name nothing."""
    connection.execute(
        "drop schema if exists site_cdm cascade; create schema site_cdm;"
        "create table site_cdm.orders (procedure_occurrence_id numeric(20), note_id bigint, accession varchar(20));"
        "insert into site_cdm.orders values (7, 70, ' a-0017 '), (8, 80, 'A-0017'), (9, 90, null), (10, 91, ' '),"
        " (0, 0, 'A-0018'), (null, null, 'A-0018'), (7, 70, 'A-0017')"
    )
    connection.commit()
    return "site_cdm"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["hmac", "clear"])
@pytest.mark.parametrize("crosswalk_first", [True, False])
def test_an_accession_meets_itself_by_file_and_from_omop(
    connection: Connection,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    omop: str,
    kind: str,
    mode: str,
    crosswalk_first: bool,
) -> None:
    """Blanks, case and the site's rule; the accessions of requests count too, and one may be two procedures."""
    monkeypatch.setenv("ICDM_ACCESSION_REWRITE", "s/^A-0*//")
    archive = write_image(tmp_path / "archive" / "1", "A-0017", "a-19 ")
    file = write(tmp_path, f"{KINDS[kind]},accession_number", "17,A-00019", "18,19")
    commands: list[list[str | Path]] = [
        ["crosswalk", kind, file],
        ["crosswalk", kind, "--from-omop", "orders.accession", "--omop-schema", omop],
        ["scan", "--jobs", "1", archive],
    ]
    for command in commands if crosswalk_first else reversed(commands):
        run(*command, "--identifiers", mode)
    met = rows(
        connection,
        f"select crosswalk.origin, position, {KINDS[kind]} from icdm_raw.header"
        " cross join unnest(accession_keys) with ordinality as keys (accession_key, position)"
        f" inner join icdm_raw.{kind}_crosswalk as crosswalk using (accession_key) order by 1, 2, 3",
    )
    first, second = (7, 8) if kind == "procedure" else (70, 80)
    assert met == [("csv", 2, 17), ("csv", 2, 18), ("omop", 1, first), ("omop", 1, second)]
    keys = {key for _, key, _, _ in content(connection, kind)}
    assert keys == {"17", "19"} if mode == "clear" else all(len(key) == 64 for key in keys)


def test_omop_is_only_read_and_what_names_nothing_is_counted(connection: Connection, run: Run, omop: str) -> None:
    state = (
        "select count(*), md5(string_agg(orders::text, '|' order by orders::text)),"
        " max(orders.xmin::text::bigint), pg_relation_size('site_cdm.orders') from site_cdm.orders group by ()"
    )
    before = rows(connection, state)
    told = run("crosswalk", "procedure", "--from-omop", "orders.accession", "--omop-schema", omop)
    assert rows(connection, state) == before
    assert "site_cdm.orders.accession: 2 rows have a procedure_occurrence_id that is no whole number from 1" in told
    assert "0017" not in told
    assert last_load(connection) == ("procedure", "omop", 3, 2, 2)
    assert "procedure  omop" in run("status")


def test_the_uid_of_a_study_goes_before_its_accession(connection: Connection, run: Run, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "Study_Instance_UID;accession_number;procedure_occurrence_id",
        "1.2.3;A1;17",
        "1.2.3;;18",
        ";a1;19",
        ";A1;19",
    )
    run("crosswalk", "procedure", file, "--identifiers", "clear")
    assert content(connection, "procedure") == [
        ("csv", "A1", None, 19),
        ("csv", None, "1.2.3", 17),
        ("csv", None, "1.2.3", 18),
    ]
    assert last_load(connection) == ("procedure", "csv", 4, 0, 0)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("A2,1.2.3,x", "procedure_occurrence_id is no whole number from 1"),
        ("A2,1.2.3,0", "procedure_occurrence_id is no whole number from 1"),
        ("A2,,", "procedure_occurrence_id is no whole number from 1"),
        (",,17", "accession_number and study_instance_uid are both empty"),
        ("A2,17", "2 cells where the first line names 3 columns"),
    ],
)
def test_a_faulty_row_is_told_by_its_line_and_loads_nothing(
    connection: Connection, run: Run, tmp_path: Path, row: str, told: str
) -> None:
    header = "accession_number,study_instance_uid,procedure_occurrence_id"
    run("crosswalk", "procedure", write(tmp_path, header, "A1,,17"))
    before = content(connection, "procedure")
    message = run("crosswalk", "procedure", write(tmp_path, header, "A3,,18", row), code=1)
    assert f"line 3: {told}" in message and message.endswith("Nothing was loaded.\n") and "A2" not in message
    assert content(connection, "procedure") == before
    assert "holds no row" in run("crosswalk", "procedure", write(tmp_path, header), code=1)
    assert content(connection, "procedure") == before


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("accession_number,person_id", "names no column procedure_occurrence_id"),
        ("procedure_occurrence_id", "names no column accession_number or study_instance_uid"),
        ("note_id,accession_number", "names no column procedure_occurrence_id"),
    ],
)
def test_a_file_without_its_columns_is_wrong_use(run: Run, tmp_path: Path, header: str, told: str) -> None:
    assert told in run("crosswalk", "procedure", write(tmp_path, header), code=2)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("nowhere.accession", "must have the table nowhere with a numeric procedure_occurrence_id"),
        ("orders.nothing", "and with nothing, which holds the accessions"),
    ],
)
def test_a_table_without_its_columns_is_wrong_use(run: Run, omop: str, table: str, told: str) -> None:
    assert told in run("crosswalk", "procedure", "--from-omop", table, "--omop-schema", omop, code=2)


def test_another_rule_than_that_of_the_scan_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("scan", "--jobs", "1", write_image(tmp_path / "archive" / "1", "A1"))
    monkeypatch.setenv("ICDM_ACCESSION_REWRITE", "s/A//")
    file = write(tmp_path, "accession_number,procedure_occurrence_id", "A1,17")
    assert "under no ICDM_ACCESSION_REWRITE;" in run("crosswalk", "procedure", file, code=1)
