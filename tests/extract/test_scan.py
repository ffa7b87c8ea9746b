"""`icdm-extract scan` as its users meet it: what becomes of each file, and what a second run does."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow.parquet as pq
import pytest
from made_archives import (
    KEY,
    PROJECT,
    WHEEL,
    Connection,
    changed_batches,
    kill_readers_of,
    rows,
    write_dicom,
    write_many,
)
from pydicom import dcmread

from extract import raw_database
from extract.attributes import SEED
from extract.cli import main
from extract.raw_database import lock_scan


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)


Scan = Callable[..., dict[str, int]]


@pytest.fixture
def scan(connection: Connection, capsys: pytest.CaptureFixture[str]) -> Scan:
    """Scan by the command line, and return the figures that the run recorded."""

    def run(*arguments: str | Path, code: int = 0) -> dict[str, int]:
        assert main(["scan", "--jobs", "1", *map(str, arguments)]) == code, capsys.readouterr().err
        names = ("seen", "unchanged", "read", "rejected", "ignored", "vanished")
        columns = ", ".join(f"files_{name}" for name in names)
        row = connection.execute(
            f"select {columns} from icdm_raw.extract_run order by run_id desc limit 1".encode()
        ).fetchone()
        connection.commit()
        assert row is not None
        counts = dict(zip(names, row, strict=True))
        if code == 0:
            assert counts["seen"] == counts["unchanged"] + counts["read"] + counts["rejected"] + counts["ignored"]
        return {name: count for name, count in counts.items() if count}

    return run


def present(connection: Connection) -> set[str]:
    """Root, folder and name of every file that counts as there, each once."""
    found = rows(
        connection,
        "select root_path || '/' || folder || '/' || file_name from icdm_raw.root join icdm_raw.folder using (root_id)"
        " join (select folder_key, file_name from icdm_raw.instance where removed_run_id is null union all"
        " select folder_key, file_name from icdm_raw.rejected_file where removed_run_id is null) as file"
        " using (folder_key)",
    )
    paths = [path.replace("//", "/") for (path,) in found]
    assert len(paths) == len(set(paths)), "a file has two rows"
    return set(paths)


def content(connection: Connection) -> list[tuple[Any, ...]]:
    """The raw rows, without the numbers of runs and the times of files."""
    return rows(
        connection,
        "select folder, file_name, file_size, sop_instance_uid, study_instance_uid, series_instance_uid, header_key,"
        " attributes, instance_values, removed_run_id is null from icdm_raw.instance"
        " join icdm_raw.folder using (folder_key) join icdm_raw.series using (series_key)"
        " join icdm_raw.header using (series_key, header_key) order by 1, 2",
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Forty files of two series in two folders."""
    folder = tmp_path / "archive"
    for number in range(40):
        part = "ab"[number // 20]
        write_dicom(folder / part / f"{number:02}", number, series=f"1.2.9.{part == 'b':d}")
    return folder


def test_every_file_of_a_mixed_folder_is_a_row_with_its_reason(
    connection: Connection, scan: Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mixed"
    write_dicom(folder / "no_suffix", 1)
    write_dicom(folder / "quotes \"and'\nnewline\t\\x41.dcm", 2)
    broken_name = os.fsencode(folder) + b"/\xb0\xa1.dcm"  # EUC-KR
    Path(os.fsdecode(broken_name)).write_bytes(write_dicom(folder / "no_suffix_2", 3).read_bytes())
    write_dicom(folder / "deep" / os.fsdecode(b"\xc7\xd1") / "x", 4)
    write_dicom(folder / "deep" / "\\xc7\\xd1" / "x", 5)  # as the folder above is stored, yet another
    (folder / "empty").touch()
    (folder / "notes.txt").write_text("no DICOM")
    shutil.copy(WHEEL / "test_files" / "dicomdirtests" / "DICOMDIR", folder)
    shutil.copy(WHEEL / "test_files" / "UN_sequence.dcm", folder)
    shutil.copy(WHEEL / "test_files" / "rtplan_truncated.dcm", folder)
    broken_sequence = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff"
    (folder / "broken").write_bytes((folder / "no_suffix").read_bytes() + broken_sequence)
    os.mkfifo(folder / "fifo")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "itself").symlink_to("itself")
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "link").symlink_to("no_suffix")
    (folder / "unreadable").symlink_to("/proc/self/mem")  # an I/O error for every user, root too
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)
        server.bind("socket")
        os.chdir(PROJECT)

    counts = scan(folder)
    assert rows(connection, "select file_name, outcome, reason, detail from icdm_raw.rejected_file order by 1") == [
        ("DICOMDIR", "ignored", "DICOMDIR", None),
        ("UN_sequence.dcm", "rejected", "identifying UID missing", "StudyInstanceUID, SeriesInstanceUID"),
        ("broken", "rejected", "header cannot be parsed", "OSError"),
        ("dangling", "rejected", "cannot be opened", "No such file or directory"),
        ("empty", "ignored", "not DICOM", None),
        ("fifo", "rejected", "cannot be opened", "not a regular file"),
        ("itself", "rejected", "cannot be opened", "Too many levels of symbolic links"),
        ("notes.txt", "ignored", "not DICOM", None),
        ("socket", "rejected", "cannot be opened", "not a regular file"),
        ("unreadable", "rejected", "cannot be opened", "Input/output error"),
    ]
    assert rows(
        connection,
        "select folder, file_name from icdm_raw.instance join icdm_raw.folder using (folder_key) order by 1, 2",
    ) == [
        ("", "\\xb0\\xa1.dcm"),
        ("", "link"),
        ("", "no_suffix"),
        ("", "no_suffix_2"),
        ("", "quotes \"and'\nnewline\t\\x5cx41.dcm"),
        ("", "rtplan_truncated.dcm"),
        ("deep/\\x5cxc7\\x5cxd1", "x"),
        ("deep/\\xc7\\xd1", "x"),
    ]
    assert counts == {"seen": 18, "read": 8, "rejected": 7, "ignored": 3}
    printed = capsys.readouterr().out
    assert re.search(r"files seen +18\n", printed) and re.search(r"cannot be opened +5\n", printed)
    # What could not be opened is tried again.
    assert scan(folder) == {"seen": 18, "unchanged": 17, "rejected": 1}
    assert scan(folder / "deep" / os.fsdecode(b"\xc7\xd1")) == {"seen": 1, "unchanged": 1}


def test_a_root_whose_own_name_is_no_utf8_is_scanned_again(scan: Scan, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xb0\xa1")
    write_dicom(folder / "a" / "x", 1)
    assert scan(folder) == {"seen": 1, "read": 1}
    assert scan(folder / "a" / "x") == {"seen": 1, "unchanged": 1}


def test_unchanged_files_are_not_opened_and_touched_ones_are(connection: Connection, scan: Scan, archive: Path) -> None:
    assert scan(archive) == {"seen": 40, "read": 40}
    before, batches = content(connection), changed_batches(connection)
    for path in archive.rglob("??"):
        status = path.stat()
        path.write_bytes(b"x" * status.st_size)  # opened, it would be ignored as no DICOM
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scan(archive) == {"seen": 40, "unchanged": 40}
    assert (content(connection), changed_batches(connection)) == (before, batches)
    (archive / "a" / "00").touch()
    assert scan(archive) == {"seen": 40, "unchanged": 39, "ignored": 1}


def test_a_changed_file_replaces_its_row_and_marks_its_series_alone(
    connection: Connection, scan: Scan, archive: Path
) -> None:
    scan(archive)
    before = changed_batches(connection)
    write_dicom(archive / "a" / "00", 0, series="1.2.9.7", description="moved to another series")
    assert scan(archive) == {"seen": 40, "unchanged": 39, "read": 1}
    assert len(present(connection)) == 40
    after = changed_batches(connection)
    assert {series for series in after if after[series] != before.get(series)} == {"1.2.9.0", "1.2.9.7"}


def test_a_file_that_breaks_moves_to_the_rejected_and_back(connection: Connection, scan: Scan, archive: Path) -> None:
    scan(archive)
    before, batches, file = content(connection), changed_batches(connection), archive / "b" / "20"
    whole = file.read_bytes()
    file.write_bytes(whole[:300])
    assert scan(archive) == {"seen": 40, "unchanged": 39, "rejected": 1}
    assert len(present(connection)) == 40 and len(content(connection)) == 39
    assert changed_batches(connection)["1.2.9.1"] > batches["1.2.9.1"]
    file.write_bytes(whole)
    assert scan(archive) == {"seen": 40, "unchanged": 39, "read": 1}
    assert content(connection) == before and not rows(connection, "select from icdm_raw.rejected_file")


def test_only_files_below_the_scanned_paths_vanish(connection: Connection, scan: Scan, archive: Path) -> None:
    scan(archive)
    before = changed_batches(connection)
    (archive / "a" / "00").unlink()
    (archive / "b" / "20").unlink()
    assert scan(archive / "a") == {"seen": 19, "unchanged": 19, "vanished": 1}
    after = changed_batches(connection)
    assert after["1.2.9.0"] > before["1.2.9.0"] and after["1.2.9.1"] == before["1.2.9.1"]
    assert len(present(connection)) == 39
    write_dicom(archive / "a" / "00", 0, series="1.2.9.0")
    assert scan(archive / "a") == {"seen": 20, "unchanged": 19, "read": 1}
    assert len(present(connection)) == 40


def test_more_than_five_percent_gone_stops_until_accepted(
    connection: Connection, scan: Scan, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan(archive)
    shutil.rmtree(archive / "b")
    before, batches = content(connection), changed_batches(connection)
    assert "vanished" not in scan(archive, code=1)
    message = capsys.readouterr().err
    assert f"20 of 40 files known under {archive} are gone" in message and "--accept-vanished" in message
    assert (content(connection), changed_batches(connection)) == (before, batches)
    assert scan(archive, "--accept-vanished") == {"seen": 20, "unchanged": 20, "vanished": 20}
    assert len(present(connection)) == 20
    assert scan(archive) == {"seen": 20, "unchanged": 20}


def test_what_a_folder_that_cannot_be_listed_holds_is_not_gone_and_a_named_root_may_move(
    connection: Connection, scan: Scan, tmp_path: Path
) -> None:
    """At the deeper place the path of one folder is longer than the system takes, for root as for any user."""
    archive, deeper = tmp_path / "archive", tmp_path / "/".join(["d" * 250] * 15)
    long_name = "long " * 50
    for number in range(4):
        write_dicom(archive / "a" / str(number), number)
        write_dicom(archive / long_name / "below" / str(number), number)
    deeper = deeper / ("e" * (3950 - len(str(deeper)) - len("/archive/")))
    deeper.mkdir(parents=True)
    assert scan("--root", "pacs", archive) == {"seen": 8, "read": 8}
    before = content(connection)
    archive.rename(deeper / "archive")
    for _ in range(2):
        assert scan("--root", "pacs", deeper / "archive") == {"seen": 5, "unchanged": 4, "rejected": 1}
    assert rows(connection, "select file_name, reason, detail from icdm_raw.rejected_file") == [
        ("", "cannot be opened", "folder: File name too long")
    ]
    (deeper / "archive").rename(archive)
    assert scan("--root", "pacs", archive)["unchanged"] == 8
    assert content(connection) == before and len(present(connection)) == 8


def test_a_new_row_of_the_seed_reads_every_file_once_more(
    connection: Connection, scan: Scan, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(archive)
    project = tmp_path / "project"
    shutil.copytree(PROJECT / SEED.parent, project / SEED.parent)
    shutil.copy(PROJECT / "dbt_project.yml", project)
    row = "PatientSex,00100040,CS,study,,,,code,mode,,,0,keep,extended,DICOM PS3.3 C.7.1.1,standard,Sex\n"
    (project / SEED).write_text((PROJECT / SEED).read_text("utf-8") + row, "utf-8")
    for name in ("host", "port", "user"):  # the embedded server is that of the project
        monkeypatch.setenv(f"PG{name.upper()}", str(getattr(connection.info, name)))
    monkeypatch.setenv("DBT_PROJECT_DIR", str(project))
    assert scan(archive) == {"seen": 40, "read": 40}
    assert scan(archive) == {"seen": 40, "unchanged": 40}
    assert len(present(connection)) == 40


def test_overlapping_paths_and_roots_never_double_a_file(
    connection: Connection, scan: Scan, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan(archive / "a" / "05") == {"seen": 1, "read": 1}
    assert scan(archive / "a") == {"seen": 20, "unchanged": 1, "read": 19}
    assert scan(archive, archive / "b", archive / "a" / "05", archive) == {"seen": 40, "unchanged": 20, "read": 20}
    assert len(present(connection)) == 40
    scan("--root", "inner", archive / "b", code=1)
    assert f"belongs to root {archive} ({archive}), where its files are known" in capsys.readouterr().err
    assert scan("--root", "pacs", archive) == {"seen": 40, "unchanged": 40}
    assert rows(connection, "select root_name from icdm_raw.root order by root_id") == [(f"{archive}/a",), ("pacs",)]
    assert len(present(connection)) == 40


def test_wrong_use_is_exit_2_and_says_the_way_on(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str | Path) -> str:
        assert main(["scan", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    assert "is the archive mounted?" in told(archive / "missing")
    assert "give one PATH" in told("--root", "pacs", archive / "a", archive / "b")
    assert "--root names a folder" in told("--root", "pacs", archive / "a" / "00")
    monkeypatch.setenv("ICDM_HMAC_KEY", "short")
    assert "16 or more" in told(archive)
    monkeypatch.delenv("ICDM_HMAC_KEY")
    message = told(archive)
    assert "set ICDM_HMAC_KEY" in message and "--identifiers clear" in message


@pytest.mark.parametrize("other", [["--identifiers", "clear"], []])
def test_another_key_or_mode_is_refused(
    connection: Connection,
    scan: Scan,
    archive: Path,
    other: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It would silently unlink every patient scanned so far."""
    scan(archive)
    before = content(connection)
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY + "2")
    assert main(["scan", *other, str(archive)]) == 1
    assert "stored identifiers under another ICDM_HMAC_KEY" in (message := capsys.readouterr().err) or other
    assert "stored identifiers under --identifiers hmac" in message or not other
    assert content(connection) == before


def test_a_second_scan_at_once_is_refused(
    connection: Connection, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock_scan(connection)
    try:
        assert main(["scan", str(archive)]) == 1
    finally:
        connection.execute("select pg_advisory_unlock_all()")
        connection.commit()
    assert "another scan or crosswalk is writing to this database" in capsys.readouterr().err


def test_no_identifier_of_the_files_is_anywhere_in_what_is_written(
    connection: Connection, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the database, the Parquet parts, their manifest and all output; paths aside, which are the site's own."""
    identifiers = set()
    (tmp_path / "archive").mkdir()
    for number, source in enumerate(path for path in sorted(WHEEL.rglob("*.dcm")) if path.stat().st_size < 2**20):
        shutil.copy(source, tmp_path / "archive" / f"{number:04}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom on its own faulty examples
            dataset = dcmread(source, stop_before_pixels=True, force=True)
        for keyword in ("PatientID", "AccessionNumber", "PatientName", "PatientBirthDate"):
            identifiers.add(str(dataset.get(keyword) or "").strip())
    write_dicom(tmp_path / "archive" / "named", 1, description="SYN-0042 Test^Synthetic ACC-7731")
    identifiers |= {"SYN-0042", "ACC-7731", "Synthetic^Test", "19610203"}
    assert main(["scan", "--parquet", str(tmp_path / "parts"), str(tmp_path / "archive")]) == 0
    assert rows(connection, "select count(*) > 80 from icdm_raw.instance") == [(True,)]

    stored: set[str] = set()
    for table in ("root", "header_layout", "extract_run", "series", "header", "instance", "rejected_file"):
        for (row,) in rows(connection, f"select to_jsonb(t) from icdm_raw.{table} as t"):
            stored |= set(texts_of(row))
    in_parts: set[str] = set()
    for part in (tmp_path / "parts").glob("*.parquet"):
        for row in pq.read_table(part).to_pylist():
            in_parts |= set(texts_of(row | {"attributes": json.loads(row["attributes"] or "{}")}))
    manifest = (tmp_path / "parts" / "manifest-1of1.json").read_text("utf-8")
    output = capfd.readouterr()
    texts = stored | in_parts
    words = {word for text in texts for word in text.replace("\\", " ").split()}
    long = {identifier for identifier in identifiers if len(identifier) >= 4}
    assert len(long) > 40 and len(in_parts) > 300
    assert not long & (texts | words)
    assert not {identifier for identifier in long if identifier in output.out + output.err + manifest}


def texts_of(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for part in value.values():
                yield from texts_of(part)
        case list():
            for part in value:
                yield from texts_of(part)
        case _:
            yield str(value)


def scan_process(archive: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "import sys; from extract.cli import main; sys.exit(main())"]
    return subprocess.Popen(
        [*command, "scan", "--jobs", "2", str(archive)], cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )


def wait_for_rows(connection: Connection, at_least: int) -> None:
    """Wait until the scan of another process has committed instances."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        exists = rows(connection, "select to_regclass('icdm_raw.instance') is not null")
        if exists == [(True,)] and rows(connection, "select count(*) from icdm_raw.instance")[0][0] >= at_least:
            return
        time.sleep(0.01)
    raise AssertionError("the scan wrote no rows")


def extractor_sessions(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(
        connection,
        "select pid from pg_stat_activity where datname = current_database() and application_name like 'icdm-extract%'",
    )


def test_a_killed_scan_is_completed_by_the_next_one(connection: Connection, scan: Scan, tmp_path: Path) -> None:
    """Its reading processes end with it, and the rows are those of an undisturbed run."""
    write_many(tmp_path / "archive", 5000)
    process = scan_process(tmp_path / "archive")
    assert process.stderr is not None
    wait_for_rows(connection, 200)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    deadline = time.monotonic() + 10
    while extractor_sessions(connection) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not extractor_sessions(connection), "a reading process outlived the scan"
    counts = scan(tmp_path / "archive")
    assert 200 <= counts["unchanged"] < 5000 and counts["seen"] == 5000 == counts["unchanged"] + counts["read"]
    assert rows(connection, "select status, message from icdm_raw.extract_run order by run_id") == [
        ("failed", "killed"),
        ("completed", None),
    ]
    completed = content(connection)
    connection.execute("drop schema icdm_raw cascade")
    connection.commit()
    assert scan(tmp_path / "archive") == {"seen": 5000, "read": 5000}
    assert content(connection) == completed


def test_a_lost_database_fails_the_scan_clearly_and_the_next_one_completes_it(
    connection: Connection, scan: Scan, tmp_path: Path
) -> None:
    write_many(tmp_path / "archive", 5000)
    process = scan_process(tmp_path / "archive")
    wait_for_rows(connection, 200)
    for (pid,) in extractor_sessions(connection):
        connection.execute("select pg_terminate_backend(%s)", (pid,))
    connection.commit()
    _, message = process.communicate(timeout=30)
    assert process.returncode == 1
    assert (
        message.startswith("icdm-extract: the database ended the scan: ")
        and "scan again" in message
        and "Traceback" not in message
    )
    counts = scan(tmp_path / "archive")
    assert counts["seen"] == 5000 and counts["unchanged"] >= 200
    assert len(present(connection)) == 5000


def test_ctrl_c_ends_a_scan_in_one_line_and_the_next_one_goes_on(
    connection: Connection, scan: Scan, tmp_path: Path
) -> None:
    write_many(tmp_path / "archive", 20_000)
    process = scan_process(tmp_path / "archive")
    wait_for_rows(connection, 200)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=30)
    assert process.returncode == 1 and re.fullmatch("icdm-extract: interrupted; .*\n", message)
    assert scan(tmp_path / "archive")["unchanged"] >= 200
    assert len(present(connection)) == 20_000


def test_a_server_that_is_gone_before_the_readers_connect_is_a_lost_one_too(
    connection: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start_and_lose(*arguments: Any) -> int:
        run_id = raw_database.start_run(*arguments)
        monkeypatch.setenv("PGHOST", "127.0.0.1")  # what the readers are started with
        monkeypatch.setenv("PGPORT", "1")
        return run_id

    monkeypatch.setattr("extract.scan.start_run", start_and_lose)
    assert main(["scan", str(archive)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("icdm-extract: the database ended the scan: ") and "scan again" in message
    assert rows(connection, "select status from icdm_raw.extract_run") == [("failed",)]


def test_a_file_that_kills_its_reader_is_named_and_all_others_are_read(
    connection: Connection, scan: Scan, tmp_path: Path
) -> None:
    """The next run tries it again, and the rows are those of an undisturbed one."""
    write_many(tmp_path / "archive", 3000)
    deadly = tmp_path / "archive" / "05" / "deadly.zip"
    with ZipFile(deadly, "w", ZIP_DEFLATED) as file:
        member = write_dicom(tmp_path / "member", 7, series="1.2.9.7").read_bytes()
        for number in range(4000):
            file.writestr(f"{number:04}", member)
    process = scan_process(tmp_path / "archive")
    assert kill_readers_of(deadly, process) >= 2
    _, message = process.communicate(timeout=60)
    assert process.returncode == 0, message
    assert rows(connection, "select file_name, reason from icdm_raw.rejected_file") == [
        ("deadly.zip", "kills its reader")
    ]
    assert rows(connection, "select count(*) from icdm_raw.instance where file_name like '______'") == [(3000,)]
    counts = scan(tmp_path / "archive")
    assert counts == {"seen": 7001, "unchanged": 3000, "read": 4000, "ignored": 1}
    completed = content(connection)
    connection.execute("drop schema icdm_raw cascade")
    connection.commit()
    scan(tmp_path / "archive")
    assert content(connection) == completed


def test_status_tells_what_is_there_and_what_was_left_out(
    connection: Connection, scan: Scan, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    assert "Nothing was scanned" in capsys.readouterr().out
    (archive / "note.txt").write_text("no DICOM")
    scan(archive)
    capsys.readouterr()
    assert main(["status"]) == 0
    lines = [re.split(r"  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert [str(archive), str(archive), "40", "0", "1"] in lines
    assert ["1", "2", "40", "0", "0"] in lines
    assert ["ignored", "not DICOM", "1"] in lines


def test_zip_archives_are_read_in_place_and_followed_over_changes(
    connection: Connection, scan: Scan, archive: Path
) -> None:
    """Members are files of their own; an unchanged archive is not opened, a changed one replaces all its members."""
    packed = archive / "old.year"  # by content, never by suffix
    folder = archive / "a"
    with ZipFile(packed, "w", ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"2019/{path.name}.dcm")
        file.writestr("2019/readme.txt", "no DICOM")
        file.writestr("nested.zip", b"PK\x03\x04 and more")
    shutil.rmtree(folder)
    (archive / "cut.zip").write_bytes(packed.read_bytes()[:3000])
    # 20 files and two archives in the folder, 22 members
    assert scan(archive) == {"seen": 44, "read": 40, "rejected": 2, "ignored": 2}
    left_out = rows(
        connection,
        "select folder, file_name, outcome, reason from icdm_raw.rejected_file"
        " join icdm_raw.folder using (folder_key) order by file_name",
    )
    assert left_out == [
        ("", "cut.zip", "rejected", "archive cannot be read"),
        ("old.year!", "nested.zip", "rejected", "an archive within an archive"),
        ("", "old.year", "ignored", "zip archive"),
        ("old.year!/2019", "readme.txt", "ignored", "not DICOM"),
    ]
    inner = (
        "select count(*) from icdm_raw.instance join icdm_raw.folder using (folder_key)"
        " where removed_run_id is null and folder = 'old.year!/2019'"
    )
    assert rows(connection, inner) == [(20,)]

    assert scan(archive) == {"seen": 22, "unchanged": 22}
    assert rows(connection, inner) == [(20,)]

    before = changed_batches(connection)
    with ZipFile(packed, "w") as file:
        file.write(archive / "b" / "20", "2019/00.dcm")
        file.write(archive / "b" / "21", "2019/new.dcm")
    scan(packed, code=1)  # more than 5 % gone: nothing is removed until told
    assert rows(connection, inner) == [(21,)]
    assert scan(packed, "--accept-vanished") == {"seen": 1, "unchanged": 1, "vanished": 21}
    assert rows(connection, inner) == [(2,)]
    assert {uid for uid, batch in changed_batches(connection).items() if batch != before[uid]} == set(before)

    packed.unlink()
    scan(archive, "--accept-vanished")
    assert rows(connection, inner) == [(0,)]


def test_what_a_file_no_longer_says_does_not_stay_in_the_database(
    connection: Connection, scan: Scan, archive: Path
) -> None:
    """Headers go when the last file that has them is changed or gone."""
    write_dicom(archive / "a" / "00", 0, series="1.2.9.0", description="Said once")
    scan(archive)
    said_once = "select count(*) from icdm_raw.header where attributes::text like '%Said once%'"
    assert rows(connection, said_once) == [(1,)]
    write_dicom(archive / "a" / "00", 0, series="1.2.9.0")
    assert scan(archive) == {"seen": 40, "unchanged": 39, "read": 1}
    assert rows(connection, said_once) == [(0,)]
    assert rows(connection, "select count(*) from icdm_raw.header") == [(2,)]
