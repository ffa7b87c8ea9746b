"""`icdm-extract crosswalk expected`: a PACS's list is taken as it is, and what contradicts itself is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extract.cli import main
from extract.connection import connect
from extract.raw_database import lock_scan

Connection = psycopg.Connection[tuple[Any, ...]]
Run = Callable[..., str]


@pytest.fixture
def run(connection: Connection, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command, without any key, and return what it prints on both streams."""
    monkeypatch.delenv("ICDM_HMAC_KEY", raising=False)

    def command(*arguments: str | Path, code: int = 0) -> str:
        connection.rollback()
        given = main([*map(str, arguments)])
        output = capsys.readouterr()
        assert given == code, output.err
        return output.out + output.err

    return command


def content(connection: Connection) -> list[tuple[Any, ...]]:
    found = connection.execute(
        "select study_instance_uid, series_instance_uid, number_of_instances from icdm_raw.expected_count"
        " order by study_instance_uid, series_instance_uid nulls first"
    ).fetchall()
    connection.commit()
    return found


def last_load(connection: Connection) -> tuple[Any, ...]:
    columns = "kind, origin, identifiers, key_check, rows_loaded, rows_refused, rows_skipped"
    load = connection.execute(
        f"select {columns} from icdm_raw.crosswalk_load order by load_id desc limit 1".encode()
    ).fetchone()
    connection.commit()
    assert load is not None
    return load


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "counts.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_each_load_replaces_the_list(connection: Connection, run: Run, tmp_path: Path) -> None:
    """As Excel writes it: a byte order mark, semicolons, columns in any order, and one that nobody needs."""
    text = (
        "Number_Of_Instances;PatientName;Study_Instance_UID;series_instance_uid\n"
        '12;"Doe; Jane";1.2.3;\n'
        "10;Doe;1.2.3; 1.2.3.1 \n"
        "2;Doe;1.2.3;1.2.3.2\n"
        "0;Roe;1.2.4;\n"
        ";;;\n"
        "12;Doe;1.2.3;\n"
    )
    told = run("crosswalk", "expected", write(tmp_path, text, "utf-8-sig"))
    assert "column patientname is not used" in told and "Doe" not in told
    assert content(connection) == [
        ("1.2.3", None, 12),
        ("1.2.3", "1.2.3.1", 10),
        ("1.2.3", "1.2.3.2", 2),
        ("1.2.4", None, 0),
    ]
    assert last_load(connection) == ("expected", "csv", None, None, 5, 0, 0)
    assert "expected   csv" in run("status")
    run("crosswalk", "expected", write(tmp_path, "study_instance_uid,number_of_instances\n1.2.9,7\n"))
    assert content(connection) == [("1.2.9", None, 7)]


def test_rows_that_contradict_each_other_are_refused_with_their_lines(
    connection: Connection, run: Run, tmp_path: Path
) -> None:
    text = (
        "study_instance_uid,series_instance_uid,number_of_instances\n"
        "1.2.3,,5\n1.2.3,1.2.3.1,5\n1.2.4,,9\n1.2.3,,6\n1.2.3,1.2.3.1,4\n1.2.9,1.2.3.1,4\n1.2.3,,5\n"
    )
    told = run("crosswalk", "expected", write(tmp_path, text))
    assert "lines 2, 5, 8: one study with 5, 6 instances; refused" in told
    assert "lines 3, 6: one series with 4, 5 instances; refused" in told
    assert content(connection) == [("1.2.4", None, 9), ("1.2.9", "1.2.3.1", 4)]
    assert last_load(connection)[4:] == (2, 5, 0)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1.2.3,-1", "number_of_instances is no whole number from 0"),
        ("1.2.3,", "number_of_instances is no whole number from 0"),
        ("1.2.3,12.0", "number_of_instances is no whole number from 0"),
        ("1.2.3,9223372036854775808", "number_of_instances is no whole number from 0"),
        (",12", "study_instance_uid is empty"),
        ("1.2.3", "1 cells where the first line names 2 columns"),
    ],
)
def test_a_faulty_row_is_told_by_its_line_and_loads_nothing(
    connection: Connection, run: Run, tmp_path: Path, row: str, told: str
) -> None:
    header = "study_instance_uid,number_of_instances"
    run("crosswalk", "expected", write(tmp_path, f"{header}\n1.2.1,17\n"))
    message = run("crosswalk", "expected", write(tmp_path, f"{header}\n1.2.2,18\n{row}\n"), code=1)
    assert f"line 3: {told}" in message and message.endswith("Nothing was loaded.\n")
    assert "holds no row" in run("crosswalk", "expected", write(tmp_path, f"{header}\n"), code=1)
    assert content(connection) == [("1.2.1", None, 17)]


def test_wrong_use_and_another_writer_are_told(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "series_instance_uid,number_of_instances\n1.2.1,17\n")
    assert "names no column study_instance_uid" in run("crosswalk", "expected", file, code=2)
    assert "no such file" in run("crosswalk", "expected", tmp_path / "nowhere.csv", code=2)
    with connect("pytest") as other:
        lock_scan(other)
        file = write(tmp_path, "study_instance_uid,number_of_instances\n1.2.1,17\n")
        assert "another scan or crosswalk is writing" in run("crosswalk", "expected", file, code=1)


def test_the_list_binds_no_scan_to_a_key(connection: Connection, run: Run, tmp_path: Path) -> None:
    """It holds no identifier of a patient, so that it may come before the first scan with any key."""
    run("crosswalk", "expected", write(tmp_path, "study_instance_uid,number_of_instances\n1.2.1,17\n"))
    (tmp_path / "archive").mkdir()
    run("scan", tmp_path / "archive", "--identifiers", "clear")
    run("crosswalk", "expected", write(tmp_path, "study_instance_uid,number_of_instances\n1.2.1,18\n"))
    assert content(connection) == [("1.2.1", None, 18)]
