"""Parquet parts: what `scan --parquet` writes on one machine, `load` makes the rows of `scan` on another."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest
from made_archives import KEY, PROJECT, WHEEL, Connection, changed_batches, rows, write_dicom, write_many

from extract.cli import main
from extract.parts import SCHEMA, Shard

Command = Callable[..., str]

ROWS = (
    "select root_name, folder, file_name, file_size, modification_time_ns, sop_instance_uid, study_instance_uid,"
    " series_instance_uid, instance.header_key, patient_key, accession_keys, attributes, instance_values, is_truncated,"
    " instance_creation, instance_number, number_of_frames, image_position_patient, removed_run_id is null"
    " from icdm_raw.instance join icdm_raw.folder using (folder_key) join icdm_raw.root using (root_id)"
    " join icdm_raw.series using (series_key) join icdm_raw.header using (series_key, header_key) order by 1, 2, 3"
)
LEFT_OUT = (
    "select root_name, folder, file_name, outcome, reason, detail, removed_run_id is null from icdm_raw.rejected_file"
    " join icdm_raw.folder using (folder_key) join icdm_raw.root using (root_id) order by 1, 2, 3"
)
RUNS = (
    "select status, files_seen, files_unchanged, files_read, files_rejected, files_ignored, files_vanished"
    " from icdm_raw.extract_run order by run_id"
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)


@pytest.fixture
def command(connection: Connection, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line, check its exit code, and return all that it printed."""

    def run(*arguments: str | Path, code: int = 0) -> str:
        exit_code = main([*map(str, arguments)])
        printed = capsys.readouterr()
        assert exit_code == code, printed.err
        return printed.out + printed.err

    return run


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return tmp_path / "parts"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Sixty files of three series, a zip archive, an odd name, and what is no DICOM."""
    folder = tmp_path / "archive"
    for number in range(60):
        write_dicom(folder / "abc"[number // 20] / f"{number:02}", number, series=f"1.2.9.{number // 20}")
    with ZipFile(folder / "c" / "old.zip", "w") as file:
        for number in range(3):
            file.write(folder / "a" / f"{number:02}", f"inner/{number}")
    write_dicom(folder / os.fsdecode(b"\xb0\xa1 'quoted'"), 99)
    (folder / "a" / "note.txt").write_text("no DICOM")
    shutil.copy(WHEEL / "test_files" / "UN_sequence.dcm", folder)
    return folder


def everything(connection: Connection) -> tuple[Any, ...]:
    return tuple(rows(connection, query) for query in (ROWS, LEFT_OUT))


def forget(connection: Connection) -> None:
    connection.execute("drop schema if exists icdm_raw cascade")
    connection.commit()


def write(*arguments: str | Path) -> tuple[str | Path, ...]:
    return ("scan", "--jobs", "2", "--no-load", *arguments)


def test_parts_hold_what_a_scan_writes_and_load_it_once(
    connection: Connection, command: Command, archive: Path, parts: Path
) -> None:
    """Also after changes: changed files replace, vanished ones are marked, members of archives follow."""
    for change in range(3):
        if change == 1:
            (archive / "a" / "00").unlink()
            write_dicom(archive / "b" / "20", 20, series="1.2.9.1", description="changed")
            with ZipFile(archive / "c" / "old.zip", "w") as file:
                file.write(archive / "a" / "01", "inner/1")
                file.write(archive / "a" / "01", "other/1")
        if change == 2:
            write_dicom(archive / "a" / "00", 0, series="1.2.9.0")
            shutil.rmtree(archive / "c")
        command(*write("--parquet", parts, "--accept-vanished", archive))
    command("load", parts)
    loaded, batches = everything(connection), changed_batches(connection)
    runs = rows(connection, RUNS)
    assert "0 parts of 0 scans loaded" in command("load", parts)
    assert (everything(connection), changed_batches(connection)) == (loaded, batches)
    assert runs == [
        ("completed", 67, 0, 64, 1, 2, 0),
        ("completed", 65, 61, 3, 0, 1, 3),
        ("completed", 43, 42, 1, 0, 0, 23),
    ]
    names = {path.name for path in parts.iterdir()}
    assert len([name for name in names if name.endswith(".parquet")]) == 5
    assert names >= {"manifest-1of1.json"} and not [name for name in names if name.endswith(".unfinished")]

    forget(connection)
    command("scan", "--jobs", "1", archive)
    present = tuple([row[:-1] for row in table if row[-1]] for table in loaded)
    assert tuple([row[:-1] for row in table] for table in everything(connection)) == present
    assert len(present[0]) == 41 and {row[3:5] for row in present[1]} == {
        ("ignored", "not DICOM"),
        ("rejected", "identifying UID missing"),
    }


def test_shards_split_an_archive_without_knowing_of_each_other(
    connection: Connection, command: Command, archive: Path, parts: Path
) -> None:
    """Each takes its own files, and misses its own alone; together they are the whole."""
    command("scan", "--jobs", "1", archive)
    whole = everything(connection)
    forget(connection)
    folders = [parts / str(number) for number in (1, 2, 3)]
    for number, folder in enumerate(folders, start=1):
        command(*write("--shard", f"{number}/3", "--parquet", folder, archive))
    command("load", *folders)
    assert everything(connection) == whole
    seen = [run[1] for run in rows(connection, RUNS)]
    assert sum(seen) == 67 and all(10 < files < 35 for files in seen)

    (archive / "a" / "00").unlink()
    takes = [Shard(number, 3).takes("a", "00") for number in (1, 2, 3)]
    for number, folder in enumerate(folders, start=1):
        command(*write("--shard", f"{number}/3", "--parquet", folder, archive))
    command("load", *folders)
    assert [run[-1] for run in rows(connection, RUNS)[3:]] == [int(taken) for taken in takes]
    assert [row for row in everything(connection)[0] if not row[-1]] == [
        (*row[:-1], False) for row in whole[0] if row[1:3] == ("a", "00")
    ]
    assert "give another division another folder" in command(*write("--parquet", folders[0], archive), code=1)


def test_a_scan_that_is_killed_leaves_whole_parts_and_the_next_one_goes_on(
    connection: Connection, command: Command, tmp_path: Path, parts: Path
) -> None:
    write_many(tmp_path / "archive", 9000)
    code = "import sys; from extract.cli import main; sys.exit(main())"
    arguments = map(str, write("--parquet", parts, tmp_path / "archive"))
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=PROJECT, start_new_session=True)
    deadline = time.monotonic() + 30
    while not list(parts.glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    whole = {path.name: pq.read_metadata(path).num_rows for path in parts.glob("*.parquet")}
    assert whole and not list(parts.glob("manifest*"))
    # What there is can be loaded already, and is said to be unfinished.
    assert "has not ended" in command("load", parts)
    assert rows(connection, "select count(*) from icdm_raw.instance") == [(sum(whole.values()),)]
    command(*write("--parquet", parts, tmp_path / "archive"))
    assert not list(parts.glob("*.unfinished"))
    command("load", parts)
    counts = rows(connection, RUNS)
    assert counts[1][:4] == ("completed", 9000, sum(whole.values()), 9000 - sum(whole.values()))
    loaded = everything(connection)
    forget(connection)
    command("scan", tmp_path / "archive")
    assert everything(connection) == loaded


def test_a_part_that_is_missing_or_damaged_stops_the_load_by_name(
    connection: Connection, command: Command, archive: Path, parts: Path
) -> None:
    command(*write("--parquet", parts, archive / "a"))
    command(*write("--parquet", parts, archive / "a", archive / "b"))
    _, second = sorted(parts.glob("*.parquet"))
    whole = second.read_bytes()
    second.unlink()
    assert f"the first being {second.name}; copy them again. Nothing was loaded" in command("load", parts, code=1)
    second.write_bytes(whole[:500] + b"x" + whole[501:])
    assert f"{second} is damaged" in command("load", parts, code=1)
    assert rows(connection, "select count(*) from icdm_raw.instance") == [(20,)]
    second.write_bytes(whole)
    command("load", parts)
    assert rows(connection, "select count(*) from icdm_raw.instance") == [(40,)]
    (parts / "other.parquet").write_bytes(b"no Parquet")
    assert "other.parquet is damaged, or no part" in command("load", parts, code=1)
    assert "no parts in" in command("load", archive, code=2)


def test_an_older_part_never_replaces_what_was_seen_later(
    connection: Connection, command: Command, archive: Path, parts: Path
) -> None:
    command("scan", "--jobs", "1", archive)
    command(*write("--parquet", parts, archive))
    write_dicom(archive / "b" / "20", 20, series="1.2.9.1", description="changed later")
    (archive / "a" / "00").unlink()
    command("scan", "--jobs", "1", archive)
    later = everything(connection)
    command("load", parts)
    assert everything(connection) == later


def test_wrong_use_says_the_way_on(
    command: Command, archive: Path, parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "go with --parquet DIR" in command("scan", "--no-load", archive, code=2)
    assert "--shard goes with --no-load" in command("scan", "--shard", "1/2", "--parquet", parts, archive, code=2)
    assert "lies within what is to be scanned" in command(*write("--parquet", archive / "parts", archive), code=1)
    with pytest.raises(SystemExit):
        command(*write("--shard", "3/2", "--parquet", parts, archive))
    command(*write("--parquet", parts, archive))
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY + "2")
    assert "under another ICDM_HMAC_KEY" in command(*write("--parquet", parts, archive), code=1)
    command("scan", "--jobs", "1", archive)
    assert "under another ICDM_HMAC_KEY" in command("load", parts, code=1)


def test_an_unmounted_archive_empties_no_folder_of_parts(command: Command, archive: Path, parts: Path) -> None:
    command(*write("--parquet", parts, archive))
    shutil.rmtree(archive / "b")
    assert "20 of 67 files" in command(*write("--parquet", parts, archive), code=1)
    scans = json.loads((parts / "manifest-1of1.json").read_text("utf-8"))["scans"]
    assert [scan["status"] for scan in scans] == ["completed", "failed"]
    assert len(list(parts.glob("*.parquet"))) == 1


def test_a_full_disk_ends_the_scan_with_nothing_half_done(
    connection: Connection, command: Command, tmp_path: Path, parts: Path
) -> None:
    """The limit of a process on the size of its files stands in for the disk: the system's error, at a write."""
    write_many(tmp_path / "archive", 5000)
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    code = f"{limited}; from extract.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, *map(str, write("--parquet", parts, tmp_path / "archive"))]
    process = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert process.returncode == 1 and f"{parts} cannot be written: File too large" in process.stderr
    assert "Traceback" not in process.stderr and not list(parts.glob("*.unfinished"))
    command(*write("--parquet", parts, tmp_path / "archive"))
    command("load", parts)
    assert rows(connection, "select count(*) from icdm_raw.instance") == [(5000,)]


def test_every_column_of_a_part_is_one_of_the_raw_rows(connection: Connection, command: Command, archive: Path) -> None:
    command("scan", "--jobs", "1", archive)
    columns = rows(connection, "select column_name from information_schema.columns where table_schema = 'icdm_raw'")
    assert {name for (name,) in columns} >= set(SCHEMA.names)
