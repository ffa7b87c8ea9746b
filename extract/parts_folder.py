"""A folder of Parquet parts: which there are, whether they are whole, what the next scan into it knows."""

import fcntl
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from extract.attributes import READING_VERSION, AttributeList
from extract.identifiers import Identifiers
from extract.known_files import RawRowsError, roots, save_root
from extract.parts import IDENTITY, SUFFIX, UNFINISHED, VANISHED, PartError, ScanOfParts, Shard, rows_in, scan_of
from extract.raw_rows import RunCounts, content_key

MANIFEST_FORMAT = "I-CDM manifest of parts, layout 1"

_TABLES = """
attach database '' as icdm_raw;
create table icdm_raw.root (root_id integer primary key, root_name text not null unique, root_path text not null);
create table icdm_raw.header_layout (
    layout_id integer primary key, fingerprint text, reading_version integer, unique (fingerprint, reading_version)
);
create table icdm_raw.folder (folder_key integer primary key, root_id integer not null, folder text not null);
create table icdm_raw.instance (
    folder_key integer, file_name text, file_size integer, modification_time_ns integer, layout_id integer,
    run_id integer, removed_run_id integer, primary key (folder_key, file_name)
) without rowid;
create table icdm_raw.rejected_file (
    folder_key integer, file_name text, file_size integer, modification_time_ns integer, layout_id integer,
    run_id integer, removed_run_id integer, reason text, primary key (folder_key, file_name)
) without rowid;
"""


class PartsState:
    """What the parts of a shard know, as tables of a schema icdm_raw in a temporary SQLite file: memory stays bounded.

    `run_id` and `layout_id` are the numbers that the scan which begins now has there.
    """

    def __init__(self, directory: Path, begun: ScanOfParts) -> None:
        """Read the parts.

        Raises PartError (a part is damaged) and RawRowsError (the parts were written under another key, or are of
        another division of the archive).
        """
        self.directory = directory
        self.sqlite = sqlite3.connect("")
        self.sqlite.executescript(_TABLES)
        self.run_id = 0
        last = None
        for path in part_paths(directory):
            scan = scan_of(path)
            if scan.shard.of != begun.shard.of:
                raise RawRowsError(f"{directory} holds shard {scan.shard}; give another division another folder")
            if scan.shard != begun.shard:
                continue
            if other := begun.stored_under.difference(scan.stored_under):
                raise RawRowsError(
                    f"the parts in {directory} hold identifiers stored under {other}; patients of old and new files"
                    " would not meet. Use the same again, or give another folder."
                )
            if scan.scan != last:
                self.run_id, last = self.run_id + 1, scan.scan
            self._read(path, scan)
        self.run_id += 1
        self.layout_id = self._layout_id(begun)

    def know(self, scan: ScanOfParts) -> None:
        """Take in what the scan that is under way has written. Without earlier parts nothing asks for it."""
        if self.run_id > 1:
            for path in self.directory.glob(f"{scan.scan}-*{SUFFIX}"):
                self._read(path, scan)

    def vanished_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a part's rows for the files that the scan has found to be gone."""
        for root_name, folder, file_name in self.execute(
            """
            select root.root_name, folder.folder, vanished_file.file_name
            from vanished_file
            inner join icdm_raw.folder on vanished_file.folder_key = folder.folder_key
            inner join icdm_raw.root on folder.root_id = root.root_id
            order by root.root_name, folder.folder, vanished_file.file_name
            """
        ):
            yield {"outcome": VANISHED, "root_name": root_name, "folder": folder, "file_name": file_name}

    def execute(self, query: str, params: Any = None, /) -> sqlite3.Cursor:
        return self.sqlite.execute(_named(query), params or {})

    def executemany(self, query: str, params: Iterable[Any]) -> None:
        self.sqlite.executemany(_named(query), params)

    def cursor(self) -> "PartsState":
        return self

    def commit(self) -> None:
        self.sqlite.commit()

    def _read(self, path: Path, scan: ScanOfParts) -> None:
        for name, place in scan.roots.items():
            if (name, place) not in {(root.name, root.path) for root in roots(self)}:
                save_root(self, name, place)
        root_ids = {root.name: root.root_id for root in roots(self)}
        numbers = {"run": self.run_id, "layout": self._layout_id(scan)}
        for rows in rows_in(path, IDENTITY):
            for row in rows:
                root_id = root_ids[row["root_name"]]
                row |= numbers | {"root": root_id, "folder_key": content_key(str(root_id), row["folder"])}
            self._know(rows)
        self.commit()

    def _know(self, rows: list[dict[str, Any]]) -> None:
        self.executemany("insert or ignore into icdm_raw.folder values (%(folder_key)s, %(root)s, %(folder)s)", rows)
        for table in ("instance", "rejected_file"):
            same_file = "folder_key = %(folder_key)s and file_name = %(file_name)s"
            self.executemany(f"delete from icdm_raw.{table} where {same_file}", rows)
            of_instances = table == "instance"
            self.executemany(
                f"insert into icdm_raw.{table} values (%(folder_key)s, %(file_name)s, %(file_size)s,"
                f" %(modification_time_ns)s, %(layout)s, %(run)s, null{'' if of_instances else ', %(reason)s'})",
                [row for row in rows if row["outcome"] != VANISHED and (row["outcome"] == "read") == of_instances],
            )

    def _layout_id(self, scan: ScanOfParts) -> int:
        values = {"fingerprint": scan.fingerprint, "version": scan.reading_version}
        self.execute(
            "insert or ignore into icdm_raw.header_layout (fingerprint, reading_version)"
            " values (%(fingerprint)s, %(version)s)",
            values,
        )
        self.commit()
        row = self.execute(
            "select layout_id from icdm_raw.header_layout"
            " where fingerprint = %(fingerprint)s and reading_version = %(version)s",
            values,
        ).fetchone()
        return int(row[0])


@cache
def _named(query: str) -> str:
    return re.sub(r"%\(([a-z_]+)\)s", r":\1", query)


@contextmanager
def locked(directory: Path, shard: Shard) -> Iterator[None]:
    """Hold a shard of a folder, and clear what a killed scan left unfinished.

    Raises RawRowsError where another scan holds it, or where the folder has parts of another division.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{shard}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RawRowsError(f"another scan is writing shard {shard} into {directory}") from error
        for path in directory.glob(f"*-{shard}-*{UNFINISHED}"):
            path.unlink()
        yield


def part_paths(directory: Path) -> list[Path]:
    """Return the complete parts, in the order in which their scans began."""
    return sorted(directory.glob(f"*{SUFFIX}"), key=lambda path: path.name)


def scan_name(path: Path) -> str:
    """Return which scan wrote a part, by the part's name; names sort by the time when the scan began."""
    return path.stem.rpartition("-")[0]


def new_scan(
    shard: Shard, paths: list[str], version: str, attributes: AttributeList, identifiers: Identifiers
) -> ScanOfParts:
    """Return what the parts of a scan that begins now will say of it."""
    started_at = datetime.now(UTC)
    return ScanOfParts(
        scan=f"{started_at:%Y%m%dT%H%M%S.%fZ}-{shard}",
        started_at=started_at,
        shard=shard,
        paths=paths,
        extractor_version=version,
        fingerprint=attributes.fingerprint,
        reading_version=READING_VERSION,
        instance_attributes=[attribute.key for attribute in attributes.of_instance],
        identifiers=identifiers.mode,
        key_check=identifiers.key_check,
    )


def write_manifest(directory: Path, scan: ScanOfParts, status: str, counts: RunCounts, message: str | None) -> None:
    """Write the shard's manifest: every scan that ended, and every complete part with size and hash."""
    path = directory / f"manifest-{scan.shard}.json"
    manifest = read_manifest(path) if path.exists() else {"format": MANIFEST_FORMAT, "scans": [], "parts": []}
    ended = {"status": status, "finished_at": datetime.now(UTC).isoformat(), "message": message}
    manifest["scans"].append({"scan": scan.to_json()} | ended | {"counts": asdict(counts)})
    known = {part["name"]: part for part in manifest["parts"]}
    paths = [part for part in part_paths(directory) if f"-{scan.shard}-" in part.name]
    manifest["parts"] = [known.get(part.name) or _described(part) for part in paths]
    unfinished = path.with_suffix(UNFINISHED)
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a manifest. Raises PartError where it is none of this release."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != MANIFEST_FORMAT:
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise PartError(f"{path} is damaged, or no manifest of this release; copy it again") from error
    return dict(manifest)


def _described(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    """Return the hash of a file's content in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
