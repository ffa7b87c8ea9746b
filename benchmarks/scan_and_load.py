"""A scan at size: peak memory, and loading parts against a plain COPY of the same rows.

The archive is made of hard links to the files of a folder, so that a million files cost no space; they are read like
a million. Peak memory is that of all processes of the scan together, shared pages counted once (PSS), sampled five
times a second. The plain COPY writes the same rows into tables without keys and checks: no loading can be faster.

    python benchmarks/scan_and_load.py FOLDER --files 1000000
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from extract.connection import connect
from extract.load import load
from extract.parts import batch_of, rows_in
from extract.parts_folder import part_paths
from extract.raw_rows import Batch

LINKS = 60_000  # of one file; ext4 allows 65,000
FILES_PER_FOLDER = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure memory and loading of a scan.")
    parser.add_argument("folder", type=Path, help="DICOM files; on the file system where the links are to be made")
    parser.add_argument("--files", type=int, default=1_000_000)
    options = parser.parse_args()
    sources = sorted(path for path in options.folder.rglob("*") if path.is_file())[: max(options.files // 4, 1)]
    with tempfile.TemporaryDirectory(prefix="scan_and_load_", dir=options.folder.parent) as folder:
        archive, parts = Path(folder, "archive"), Path(folder, "parts")
        _link(archive, sources, options.files)
        for name in ("first scan", "second scan, all unchanged"):
            seconds, megabytes = _scan(archive, parts)
            print(
                f"{name}: {options.files:,} files, {options.files / seconds:,.0f} files/s, {megabytes:,.0f} MB at most"
            )
        with _database():
            _loading(parts)


def _link(archive: Path, sources: list[Path], files: int) -> None:
    assert files <= LINKS * len(sources), "too few files to link to"
    for number in range(files):
        folder = archive / f"{number // FILES_PER_FOLDER:05}"
        if number % FILES_PER_FOLDER == 0:
            folder.mkdir(parents=True)
        os.link(sources[number % len(sources)], folder / f"{number:07}")


def _scan(archive: Path, parts: Path) -> tuple[float, float]:
    """Scan into parts; return seconds and the peak of memory in MB."""
    code = "import sys; from extract.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "scan", "--parquet", str(parts), "--no-load", str(archive)]
    started, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_memory, _tree(process.pid))))
            time.sleep(0.2)
    assert process.returncode == 0
    return time.monotonic() - started, peak / 1024


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _tree(int(child))
        except OSError:
            continue


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@contextmanager
def _database() -> Iterator[None]:
    name = "icdm_benchmark_load"
    before = os.environ.get("PGDATABASE")
    with connect("icdm benchmark", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    os.environ["PGDATABASE"] = name
    try:
        yield
    finally:
        os.environ.pop("PGDATABASE")
        if before is not None:
            os.environ["PGDATABASE"] = before
        with connect("icdm benchmark", autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _loading(parts: Path) -> None:
    started = time.monotonic()
    rows = sum(load([parts]).rows.values())
    loading = time.monotonic() - started
    with connect("icdm benchmark") as connection:
        started = time.monotonic()
        _copy_plainly(connection, parts)
        copying = time.monotonic() - started
    print(
        f"load: {rows / loading:,.0f} rows/s, plain COPY of the same: {rows / copying:,.0f}, {copying / loading:.2f} x"
    )


def _copy_plainly(connection: psycopg.Connection[tuple[object, ...]], parts: Path) -> None:
    for table, _, _ in Batch(0, 0).tables():
        connection.execute(f"create table public.{table} as select * from icdm_raw.{table} limit 0".encode())
    connection.execute("alter table public.header alter column attributes type text")
    for path in part_paths(parts):
        for rows in rows_in(path):
            for table, row_type, of_table in batch_of(rows, {row["root_name"]: 1 for row in rows}, 1, 1).tables():
                columns = ", ".join(row_type._fields)
                with connection.cursor().copy(f"copy public.{table} ({columns}) from stdin".encode()) as copy:
                    for row in of_table:
                        copy.write_row(row)
    connection.commit()


if __name__ == "__main__":
    main()
