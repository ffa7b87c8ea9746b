"""Load Parquet parts, which `scan_to_parts` wrote here or on other machines, into schema icdm_raw.

A scan that is loaded stands in extract_run as if it had been run here, at the time when it was. Each part is loaded in
one transaction and once; a file that another scan has seen later keeps that scan's row.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from extract.connection import connect
from extract.known_files import Vanished, roots, save_root
from extract.parts import VANISHED, PartError, ScanOfParts, batch_of, rows_in, scan_of
from extract.parts_folder import part_paths, read_manifest, scan_name, sha256
from extract.raw_database import (
    AnyConnection,
    ensure_schema,
    finish_run,
    layout_id,
    lock_scan,
    mark_vanished,
    prepare_batches,
    prune_headers,
    start_loaded_run,
    write_batch,
)
from extract.raw_rows import RunCounts, content_key

NOT_ENDED = "the scan had not ended when its parts were loaded"


class NoPartsError(FileNotFoundError):
    """The folders hold no parts."""


@dataclass
class LoadSummary:
    """What a load did; `rows` counts them by outcome."""

    scans: int = 0
    parts: int = 0
    parts_known: int = 0
    unfinished: list[str] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)


@dataclass
class _Found:
    """The parts and manifests of some folders: parts by scan, what manifests say by name of scan and part."""

    parts: dict[str, list[Path]]
    ended: dict[str, dict[str, Any]]
    hashes: dict[str, str]


def load(directories: Sequence[Path], progress: Callable[[int, int], None] = lambda done, total: None) -> LoadSummary:
    """Load what is not loaded yet; `progress` is told parts done and parts there are.

    Raises NoPartsError, PartError (a part is missing or damaged: nothing of it is loaded), RawRowsError (the database
    cannot take the parts) and psycopg.Error.
    """
    found = _find(directories)
    summary = LoadSummary()
    with connect("icdm-extract load") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        prepare_batches(connection)
        loading = _Loading(connection, found, summary, progress)
        for name in sorted(found.parts | found.ended):
            loading.load_scan(name)
    return summary


def _find(directories: Sequence[Path]) -> _Found:
    found = _Found(defaultdict(list), {}, {})
    sizes = {}
    for directory in directories:
        for path in part_paths(directory):
            sizes[path.name] = path.stat().st_size
            found.parts[scan_name(path)].append(path)
    if not sizes:
        places = ", ".join(map(str, directories))
        raise NoPartsError(f"no parts in {places}; `scan --parquet DIR --no-load` writes them")
    for directory in directories:
        for path in sorted(directory.glob("manifest-*.json")):
            manifest = read_manifest(path)
            missing = [part["name"] for part in manifest["parts"] if sizes.get(part["name"]) != part["bytes"]]
            if missing:
                raise PartError(
                    f"{path} lists {len(manifest['parts']):,} parts, of which {len(missing):,} are missing or of"
                    f" another size, the first being {missing[0]}; copy them again. Nothing was loaded."
                )
            found.hashes |= {part["name"]: part["sha256"] for part in manifest["parts"]}
            found.ended |= {ended["scan"]["scan"]: ended for ended in manifest["scans"]}
    return found


class _Loading:
    def __init__(
        self, connection: AnyConnection, found: _Found, summary: LoadSummary, progress: Callable[[int, int], None]
    ) -> None:
        self.connection = connection
        self.found = found
        self.summary = summary
        self.progress = progress
        self.total = sum(map(len, found.parts.values()))
        self.vanished = Vanished(connection, 'collate "C"')
        rows = connection.execute("select part_name from icdm_raw.loaded_part").fetchall()
        self.loaded = {name for (name,) in rows}

    def load_scan(self, name: str) -> None:
        """Load a scan's parts, oldest scan first, and record it as a run."""
        parts = [path for path in self.found.parts.get(name, []) if path.name not in self.loaded]
        self.summary.parts_known += len(self.found.parts.get(name, [])) - len(parts)
        ended = self.found.ended.get(name)
        known = self.connection.execute("select status from icdm_raw.extract_run where scan = %s", (name,)).fetchone()
        if not parts and known and (ended is None or known[0] == ended["status"]):
            return
        scan = ScanOfParts.from_json(ended["scan"]) if ended else scan_of(self.found.parts[name][0])
        layout = layout_id(self.connection, scan.fingerprint, scan.reading_version, scan.instance_attributes)
        run_id = start_loaded_run(self.connection, scan, layout)
        counts = RunCounts(**ended["counts"]) if ended else RunCounts()
        try:
            root_ids = self._roots(scan)
            later = self._later_runs(scan.started_at)
            for path in parts:
                self._load_part(path, root_ids, run_id, layout, later)
            prune_headers(self.connection)
        except BaseException as error:
            with suppress(psycopg.Error):
                self.connection.rollback()
                finish_run(self.connection, run_id, "failed", counts, f"its load failed: {type(error).__name__}")
            raise
        if ended:
            finished_at = datetime.fromisoformat(ended["finished_at"])
            finish_run(self.connection, run_id, ended["status"], counts, ended["message"], finished_at)
        else:
            finish_run(self.connection, run_id, "failed", counts, NOT_ENDED)
            self.summary.unfinished.append(name)
        self.summary.scans += 1

    def _roots(self, scan: ScanOfParts) -> dict[str, int]:
        known = {root.name: root.path for root in roots(self.connection)}
        for name, path in scan.roots.items():
            if known.get(name) != path:
                save_root(self.connection, name, path)
        return {root.name: root.root_id for root in roots(self.connection)}

    def _later_runs(self, started_at: datetime) -> list[int]:
        query = "select run_id from icdm_raw.extract_run where started_at > %s"
        return [run_id for (run_id,) in self.connection.execute(query, (started_at,))]

    def _load_part(self, path: Path, root_ids: dict[str, int], run_id: int, layout: int, later: list[int]) -> None:
        listed = self.found.hashes.get(path.name)
        if listed is not None and sha256(path) != listed:
            raise PartError(f"{path} is damaged: its hash is not the manifest's. Copy it again.")
        with self.connection.transaction():
            for rows in rows_in(path):
                write_batch(self.connection, batch_of(rows, root_ids, run_id, layout), later)
                for row in rows:
                    if row["outcome"] == VANISHED:
                        folder_key = content_key(str(root_ids[row["root_name"]]), row["folder"])
                        self.vanished.miss(folder_key, [row["file_name"]])
                self.summary.rows.update(row["outcome"] for row in rows)
            mark_vanished(self.connection, run_id, later)
            self.connection.execute("delete from vanished_file")
            self.connection.execute("insert into icdm_raw.loaded_part values (%s, %s)", (path.name, run_id))
        self.summary.parts += 1
        self.progress(self.summary.parts + self.summary.parts_known, self.total)
