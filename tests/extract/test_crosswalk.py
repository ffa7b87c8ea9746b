"""`icdm-extract crosswalk person` and the rewrite rules: the same id meets itself, however each side writes it."""

import hashlib
import hmac
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from extract.cli import main
from extract.identifiers import Identifiers, StoredUnder
from extract.raw_database import lock_scan
from extract.rewrite import RewriteRuleError, rewrite_from

PROJECT = Path(__file__).parents[2]
KEY = "a key of the tests alone"
RULE = "s/^0+//"
FULL_WIDTH = "".join(chr(ord(sign) + 0xFEE0) for sign in "00ABC")  # as Asian input methods write it

Connection = psycopg.Connection[tuple[Any, ...]]
Run = Callable[..., str]


def write_archive(folder: Path, *patients: tuple[str, str | None]) -> Path:
    """A small synthetic CT image for each PatientID and IssuerOfPatientID, each in a series of its own."""
    folder.mkdir()
    for number, (patient_id, issuer) in enumerate(patients):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.9.{number}.1")
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.9", f"1.2.9.{number}"
        dataset.PatientID = patient_id
        if issuer is not None:
            dataset.IssuerOfPatientID = issuer
        dataset.save_as(folder / f"{number}", enforce_file_format=True)
    return folder


def write_csv(folder: Path, *lines: str, name: str = "persons.csv") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)
    for variable in ("ICDM_PATIENT_ID_REWRITE", "ICDM_ACCESSION_REWRITE"):
        monkeypatch.delenv(variable, raising=False)


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


def person_of_each_series(connection: Connection) -> list[int | None]:
    """What linkage will do: the row with the file's issuer, else the one without."""
    found = rows(
        connection,
        """
        select coalesce(by_issuer.person_id, by_id.person_id)
        from icdm_raw.header
        inner join icdm_raw.series using (series_key)
        left join icdm_raw.person_crosswalk as by_issuer
            on header.patient_issuer_key = by_issuer.patient_issuer_key
        left join icdm_raw.person_crosswalk as by_id
            on header.patient_key = by_id.patient_key and by_id.patient_issuer_key is null
        order by series_instance_uid
        """,
    )
    return [person for (person,) in found]


def crosswalk_content(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, "select * from icdm_raw.person_crosswalk order by origin, patient_key, patient_issuer_key")


def last_load(connection: Connection) -> tuple[Any, ...]:
    columns = "origin, rows_loaded, rows_refused, rows_skipped"
    (load,) = rows(connection, f"select {columns} from icdm_raw.crosswalk_load order by load_id desc limit 1")
    return load


@pytest.mark.parametrize("mode", ["hmac", "clear"])
@pytest.mark.parametrize("crosswalk_first", [True, False])
def test_both_sides_meet_in_the_normal_form_of_an_id(
    connection: Connection,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crosswalk_first: bool,
    mode: str,
) -> None:
    """Case, blanks, full-width signs and the zeros of the site's rule; what a rule leaves nothing of is no patient."""
    monkeypatch.setenv("ICDM_PATIENT_ID_REWRITE", RULE)
    ids = (" 00abc", "ABC ", FULL_WIDTH, "0xyz", "ABC0", "000")
    archive = write_archive(tmp_path / "archive", *((patient_id, None) for patient_id in ids))
    file = write_csv(tmp_path, "patient_id,person_id", "aBc,17", "00XYZ,19", "0000,23")
    commands = [["crosswalk", "person", file], ["scan", "--jobs", "1", archive]]
    for command in commands if crosswalk_first else reversed(commands):
        run(*command, "--identifiers", mode)
    assert person_of_each_series(connection) == [17, 17, 17, 19, None, None]
    assert rows(connection, "select count(*) from icdm_raw.header where patient_key is null") == [(1,)]
    assert last_load(connection) == ("csv", 2, 0, 1)
    keys = {key for (key,) in rows(connection, "select patient_key from icdm_raw.person_crosswalk")}
    assert keys == {"ABC", "XYZ"} if mode == "clear" else all(len(key) == 64 for key in keys)


@pytest.mark.parametrize("mode", ["hmac", "clear"])
def test_the_same_id_of_two_issuers_is_two_persons(connection: Connection, run: Run, tmp_path: Path, mode: str) -> None:
    archive = write_archive(
        tmp_path / "archive", ("7", "North"), ("7", "SOUTH "), ("7", None), ("7", "West"), ("8", "North"), ("8", None)
    )
    file = write_csv(
        tmp_path,
        "patient_id,issuer_of_patient_id,person_id,date_shift_days",
        "7,NORTH,1,-30",
        "7,south,2,",
        "7,,3,+5",
        "8,North,4,0",
    )
    run("crosswalk", "person", file, "--identifiers", mode)
    run("scan", archive, "--jobs", "1", "--identifiers", mode)
    assert person_of_each_series(connection) == [1, 2, 3, 3, 4, None]
    shifts = "select person_id, date_shift_days from icdm_raw.person_crosswalk order by 1"
    assert rows(connection, shifts) == [(1, -30), (2, None), (3, 5), (4, 0)]
    if mode == "clear":
        keys = "select patient_issuer_key from icdm_raw.person_crosswalk order by person_id"
        assert rows(connection, keys) == [("7^^^NORTH",), ("7^^^SOUTH",), (None,), ("8^^^NORTH",)]


def test_an_id_of_two_persons_is_refused_and_told_by_lines(connection: Connection, run: Run, tmp_path: Path) -> None:
    file = write_csv(
        tmp_path,
        "patient_id,person_id,date_shift_days,issuer_of_patient_id",
        "SYN-0001,17,,",
        "syn-0002,18,10,",
        "SYN-0001,19,,",
        "SYN-0002,18,20,",
        "SYN-0003,20,5,",
        "SYN-0003 ,20,5,",
        "SYN-0004,20,,",
        "SYN-0001,17,,NORTH",
    )
    told = run("crosswalk", "person", file)
    assert f"{file}: lines 2, 4: one id with persons 17, 19; refused" in told
    assert f"{file}: lines 3, 5: one id with date_shift_days 10, 20; refused" in told
    assert told.count("; refused") == 2 and "syn-" not in told.lower()
    assert last_load(connection) == ("csv", 4, 4, 0)
    kept = rows(
        connection,
        "select person_id, number_of_persons, date_shift_days, patient_issuer_key is null"
        " from icdm_raw.person_crosswalk order by person_id, number_of_persons, date_shift_days desc",
    )
    assert kept == [
        (17, 1, None, False),
        (20, 1, None, True),
        (20, 1, 5, True),
        (None, 1, None, True),
        (None, 2, None, True),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("1234567\n", "line 3: 1 cells where the first line names 3 columns; quote a cell that holds the delimiter"),
        ("1234567,17,1,2\n", "line 3: 4 cells where"),
        (",17,\n", "line 3: patient_id is empty; fill it in, or remove the row"),
        ("1234567,,\n", "line 3: person_id is no whole number from 1 to 9223372036854775807"),
        ("1234567,1.0,\n", "line 3: person_id is no whole number"),
        ("1234567,0,\n", "line 3: person_id is no whole number from 1"),
        ("1234567,-4,\n", "line 3: person_id is no whole number from 1"),
        ("1234567,9223372036854775808,\n", "line 3: person_id is no whole number"),
        ("1234567,\uff11,\n", "line 3: person_id is no whole number"),
        ("1234567,17,ten\n", "line 3: date_shift_days is no whole number from -365000 to 365000"),
        ("1234567,17,400000\n", "line 3: date_shift_days is no whole number"),
        ('"a ""long""\nid",17,\n,18,\n', "line 5: patient_id is empty"),
        ('"1234567,17,\n1,2,\n', "line 3: it cannot be read as CSV in UTF-8 (unexpected end of data)"),
        ('"12"34567,17,\n', "line 3: it cannot be read as CSV in UTF-8"),
        ("1234567é,17,\n".encode("latin-1"), "line 3: it cannot be read as CSV in UTF-8 (not UTF-8)"),
        ("1234567,17,\n".encode("utf-16-le"), "line 3: it cannot be read as CSV in UTF-8 (not UTF-8)"),
        ("1234567,x,\n1234567,17,\n,19,\n" + "1234567,y,\n" * 30, "line 5: patient_id is empty"),
        ("1234567,x,\n" * 30, "and 10 faulty rows more"),
    ],
)
def test_faulty_rows_are_told_by_line_and_nothing_is_loaded(
    connection: Connection, run: Run, tmp_path: Path, content: str | bytes, told: str
) -> None:
    """Neither the rows before the fault, nor is anything of the earlier load lost."""
    run("crosswalk", "person", write_csv(tmp_path, "patient_id,person_id", "SYN-0001,17"))
    before = crosswalk_content(connection)
    file = write_csv(tmp_path, "patient_id,person_id,date_shift_days", "SYN-0002,18,", name="faulty.csv")
    with file.open("ab") as binary:
        binary.write(content if isinstance(content, bytes) else content.encode())
    message = run("crosswalk", "person", file, code=1)
    assert f"{file}, {told}" in message or told in message.splitlines()
    assert message.endswith("Nothing was loaded.\n")
    assert "12345" not in message and "34567" not in message
    assert crosswalk_content(connection) == before
    assert rows(connection, "select count(*) from icdm_raw.crosswalk_load") == [(1,)]


@pytest.mark.parametrize(
    "content",
    [
        "patient_id,person_id,issuer_of_patient_id\nA B,17,\n",
        '\ufeffPatient_ID ; "PERSON_ID";note\r\n a b ; 17 ;"a;b"\r\n\r\n;;\r\n',
        'person_id\tpatient_id\n17\t"A B"',
    ],
)
def test_a_file_may_come_from_any_spreadsheet(connection: Connection, run: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "persons.csv"
    file.write_bytes(content.encode())
    told = run("crosswalk", "person", file, "--identifiers", "clear")
    assert crosswalk_content(connection) == [("csv", "A B", None, 17, 1, None)]
    assert ("column note is not used" in told) == ("note" in content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("SYN-0001,17\n", "the first line names no column patient_id, person_id"),
        ("patient_id,person\nSYN-0001,17\n", "the first line names no column person_id"),
        ("patient_id,person_id,Person_ID\nSYN-0001,17,18\n", "column person_id stands twice"),
        ("", "the first line names no column patient_id, person_id"),
        (None, "no such file"),
    ],
)
def test_a_file_without_the_columns_is_wrong_use(run: Run, tmp_path: Path, content: str | None, told: str) -> None:
    file = tmp_path / "persons.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    message = run("crosswalk", "person", file, code=2)
    assert told in message and "SYN-" not in message


def test_each_origin_is_replaced_as_a_whole_and_never_by_nothing(
    connection: Connection, run: Run, tmp_path: Path, omop: str
) -> None:
    connection.execute(f"insert into {omop}.person values (7, 'SYN-0001'), (8, 'SYN-0002')".encode())
    connection.commit()
    run("crosswalk", "person", "--from-omop", "--omop-schema", omop, "--identifiers", "clear")
    first = write_csv(tmp_path, "patient_id,person_id", "SYN-0001,17", "SYN-0009,19")
    run("crosswalk", "person", first, "--identifiers", "clear")
    second = write_csv(tmp_path, "patient_id,person_id", "SYN-0003,18")
    run("crosswalk", "person", second, "--identifiers", "clear")
    loaded = [
        ("csv", "SYN-0003", None, 18, 1, None),
        ("omop", "SYN-0001", None, 7, 1, None),
        ("omop", "SYN-0002", None, 8, 1, None),
    ]
    assert crosswalk_content(connection) == loaded
    empty = write_csv(tmp_path, "patient_id,person_id")
    assert "holds no row" in run("crosswalk", "person", empty, "--identifiers", "clear", code=1)
    connection.execute(f"truncate {omop}.person".encode())
    connection.commit()
    arguments = ("crosswalk", "person", "--from-omop", "--omop-schema", omop, "--identifiers", "clear")
    assert "holds no row" in run(*arguments, code=1)
    assert crosswalk_content(connection) == loaded


@pytest.fixture
def omop(connection: Connection) -> str:
    """A schema with an empty PERSON, of the two columns that are asked for."""
    connection.execute(
        "drop schema if exists site_cdm cascade; create schema site_cdm;"
        "create table site_cdm.person (person_id integer, person_source_value varchar(50))"
    )
    connection.commit()
    return "site_cdm"


@pytest.mark.parametrize("type_of_id", ["integer", "bigint", "numeric(20)"])
def test_persons_come_from_omop_which_is_only_read(
    connection: Connection, run: Run, tmp_path: Path, omop: str, type_of_id: str
) -> None:
    """Empty source values are skipped, two persons of one are refused, and 0 is nobody."""
    connection.execute(f"alter table {omop}.person alter person_id type {type_of_id}".encode())
    connection.execute(
        f"insert into {omop}.person select 100 + n, 'SYN-1' || n from generate_series(1, 25000) as n".encode()
    )
    connection.execute(
        f"insert into {omop}.person values (1, 'syn-0001'), (2, 'SYN-0002'), (3, ' SYN-0002'), (4, null), (5, ' '),"
        " (6, ''), (0, 'SYN-0003'), (-1, 'SYN-0003'), (null, 'SYN-0003')".encode()
    )
    connection.commit()
    state = (
        f"select count(*), md5(string_agg(person::text, '|' order by person_id, person_source_value)),"
        f" max(person.xmin::text::bigint), pg_relation_size('{omop}.person') from {omop}.person group by ()"
    )
    before = rows(connection, state)
    told = run("crosswalk", "person", "--from-omop", "--omop-schema", omop)
    assert rows(connection, state) == before
    assert rows(connection, f"select count(*) from pg_class where relnamespace = '{omop}'::regnamespace") == [(1,)]
    assert f"{omop}.person: person_source_value: one id with persons 2, 3; refused" in told
    assert f"{omop}.person: 3 rows have a person_id that is no whole number from 1; refused" in told
    assert "SYN-" not in told.upper()
    assert last_load(connection) == ("omop", 25_001, 5, 3)
    run(
        "scan",
        "--jobs",
        "1",
        write_archive(tmp_path / "archive", *(("SYN-" + n, None) for n in ("0001", "0002", "17"))),
    )
    assert person_of_each_series(connection) == [1, None, 107]


def test_the_schema_of_omop_is_the_one_of_the_project_unless_named(
    connection: Connection, run: Run, tmp_path: Path, omop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(f"insert into {omop}.person values (1, 'A')".encode())
    connection.execute(
        'drop schema if exists "Other CDM" cascade; create schema "Other CDM";'
        'create table "Other CDM".person (person_id text, person_source_value text)'
    )
    connection.commit()
    assert 'relation "demo_cdm.person" does not exist' in run("crosswalk", "person", "--from-omop", code=2)
    told = run("crosswalk", "person", "--from-omop", "--omop-schema", "nowhere", code=2)
    assert "nowhere" in told and "--omop-schema" in told
    told = run("crosswalk", "person", "--from-omop", "--omop-schema", "Other CDM", code=2)
    assert "must have the table person with a numeric person_id" in told
    for setting, schema in (("vars: {omop_schema: site_cdm}", "site_cdm"), ("name: other", "demo_cdm")):
        (tmp_path / "dbt_project.yml").write_text(setting, encoding="utf-8")
        server = connection.info
        environment = {"PGHOST": server.host, "PGPORT": str(server.port), "DBT_PROJECT_DIR": str(tmp_path)}
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            if schema == omop:
                run("crosswalk", "person", "--from-omop")
            else:
                assert schema in run("crosswalk", "person", "--from-omop", code=2)
    assert last_load(connection) == ("omop", 1, 0, 0)


OTHERS = [
    ({"ICDM_HMAC_KEY": KEY + "2"}, [], "under another ICDM_HMAC_KEY;"),
    ({}, ["--identifiers", "clear"], "under --identifiers hmac;"),
    ({"ICDM_PATIENT_ID_REWRITE": "s/^1+//"}, [], "under another ICDM_PATIENT_ID_REWRITE;"),
    ({"ICDM_PATIENT_ID_REWRITE": ""}, [], "under an ICDM_PATIENT_ID_REWRITE;"),
    ({"ICDM_ACCESSION_REWRITE": "s/A//"}, [], "under no ICDM_ACCESSION_REWRITE;"),
    (
        {"ICDM_PATIENT_ID_REWRITE": "", "ICDM_ACCESSION_REWRITE": "s/A//"},
        [],
        "under an ICDM_PATIENT_ID_REWRITE and no ICDM_ACCESSION_REWRITE;",
    ),
]


@pytest.mark.parametrize(("environment", "options", "told"), OTHERS)
@pytest.mark.parametrize("crosswalk_first", [True, False])
def test_another_key_mode_or_rule_is_refused_whichever_came_first(
    connection: Connection,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    options: list[str],
    told: str,
    crosswalk_first: bool,
) -> None:
    archive = write_archive(tmp_path / "archive", ("A", None))
    file = write_csv(tmp_path, "patient_id,person_id", "A,17")
    monkeypatch.setenv("ICDM_PATIENT_ID_REWRITE", RULE)
    commands: list[list[str | Path]] = [["crosswalk", "person", file], ["scan", "--jobs", "1", archive]]
    first, second = commands if crosswalk_first else reversed(commands)
    run(*first)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert told in run(*second, *options, code=1)
    assert told in run(*first, *options, code=1)
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)
    monkeypatch.setenv("ICDM_PATIENT_ID_REWRITE", "s|^0+||")  # the same, written otherwise
    monkeypatch.delenv("ICDM_ACCESSION_REWRITE", raising=False)
    run(*second)
    assert person_of_each_series(connection) == [17]


def test_a_rule_counts_in_clear_mode_too_and_none_leaves_the_check_of_earlier_releases() -> None:
    rule = rewrite_from("ICDM_PATIENT_ID_REWRITE", RULE)
    clear, ruled = Identifiers(None), Identifiers(None, patient_rewrite=rule)
    assert clear.key_check is None and clear.stored_under.difference(StoredUnder("clear", None)) is None
    assert ruled.stored_under.difference(StoredUnder("clear", None)) == "no ICDM_PATIENT_ID_REWRITE"
    assert clear.stored_under.difference(StoredUnder("clear", ruled.key_check)) == "an ICDM_PATIENT_ID_REWRITE"
    hashed = Identifiers(KEY.encode())
    assert hashed.key_check == hmac.new(KEY.encode(), b"key_check|icdm_raw", hashlib.sha256).hexdigest()
    assert hashed.patient_key("a1") == hmac.new(KEY.encode(), b"patient_id|A1", hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("s/^0+//", "00120", "120"),
        (r"s|^([a-z]+)-?(\d+)$|\2/\1|", "HO-17", "17/HO"),
        (r"s/a\/b/c\/d/", "A/B A/B", "c/d A/B"),
        ("s,-,,gi", "1-2-3", "123"),
    ],
)
def test_a_rule_is_a_substitution_as_sed_writes_it(rule: str, before: str, after: str) -> None:
    rewrite = rewrite_from("ICDM_PATIENT_ID_REWRITE", rule)
    assert rewrite is not None and rewrite.apply(before) == after


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("^0+", "is no rule: write it like s/^0+//"),
        ("s/^0+/", "/ must stand three times"),
        ("s/^0+//x", "flag x is unknown"),
        ("s//0/", "is empty"),
        ("s/[0//", "unterminated character set"),
        (r"s/^0+/\1/", "invalid group reference"),
        (r"s/^0+/\g<zeros>/", "unknown group name"),
        (r"s/^0+/\0/", r"the whole match is \g<0>"),
    ],
)
@pytest.mark.parametrize("variable", ["ICDM_PATIENT_ID_REWRITE", "ICDM_ACCESSION_REWRITE"])
def test_a_wrong_rule_is_told_with_its_variable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, rule: str, told: str
) -> None:
    with pytest.raises(RewriteRuleError, match=variable):
        rewrite_from(variable, rule)
    monkeypatch.setenv(variable, rule)
    message = run("scan", "--identifiers", "clear", tmp_path, code=2)
    assert message.startswith(f"icdm-extract: {variable}") and told in message


def test_no_patient_id_is_in_the_tables_or_in_what_is_printed(connection: Connection, run: Run, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", ("SYN-0001", "NORTHERN"), ("SYN-0002", None))
    file = write_csv(
        tmp_path,
        "patient_id,person_id,issuer_of_patient_id",
        "SYN-0001,17,NORTHERN",
        "SYN-0002,18,",
        "SYN-0003,19,",
        "SYN-0003,20,",
    )
    printed = run("crosswalk", "person", file) + run("scan", archive) + run("status")
    for (table,) in rows(
        connection, "select relname from pg_class where relnamespace = 'icdm_raw'::regnamespace and relkind = 'r'"
    ):
        query = sql.SQL("select coalesce(string_agg(t::text, '|'), '') from {} as t").format(
            sql.Identifier("icdm_raw", table)
        )
        found = connection.execute(query).fetchone()
        assert found is not None
        printed += found[0]
    assert "1.2.9.1" in printed, "the tables were read"
    assert "SYN-" not in printed and "NORTHERN" not in printed


def test_a_crosswalk_does_not_write_beside_a_scan(
    connection: Connection, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extract.raw_database.LOCK_WAIT", "100ms")
    lock_scan(connection)
    try:
        file = write_csv(tmp_path, "patient_id,person_id", "A,17")
        assert "another scan or crosswalk is writing" in run("crosswalk", "person", file, code=1)
    finally:
        connection.execute("select pg_advisory_unlock_all()")
        connection.commit()


def test_status_tells_how_many_patients_the_crosswalk_knows(connection: Connection, run: Run, tmp_path: Path) -> None:
    file = write_csv(tmp_path, "patient_id,person_id,issuer_of_patient_id", "A,17,", "B,18,NORTH", "C,19,", "C,20,")
    run("crosswalk", "person", file)
    before = run("status")
    assert "Nothing was scanned into this database yet." in before and "person     csv" in before
    patients = (("A", None), ("A", "NORTH"), ("B", "NORTH"), ("B", "SOUTH"), ("C", None), ("D", None), ("", None))
    run("scan", "--jobs", "1", write_archive(tmp_path / "archive", *patients))
    lines = [line.split() for line in run("status").splitlines()]
    assert ["4", "2"] in lines  # of A, B, C and D it knows A and B
    assert any(line[:2] == ["person", "csv"] and line[-3:] == ["2", "2", "0"] for line in lines)


def test_a_build_before_the_first_scan_stops_though_a_crosswalk_made_the_tables(
    run: Run, tmp_path: Path, database_environment: dict[str, str], profiles_directory: Path
) -> None:
    """Else it would empty what was published before."""
    run("crosswalk", "person", write_csv(tmp_path, "patient_id,person_id", "A,17"))
    result = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "run", "--no-use-colors", "--project-dir", str(PROJECT)),
            *("--profiles-dir", str(profiles_directory), "--target-path", str(tmp_path), "--log-path", str(tmp_path)),
            *("--select", "stg_dicom__raw_state"),
        ],
        env={**os.environ, **database_environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and "run `icdm-extract scan PATH` first" in result.stdout
