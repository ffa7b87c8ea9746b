"""Scan an archive: find the files, have the new and changed ones read, mark the vanished ones.

The rows go into schema icdm_raw (`scan`) or into a folder of Parquet parts (`scan_to_parts`), of which `load` makes
the same rows later.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import psycopg

from extract.archive import inner_folder
from extract.attributes import READING_VERSION, AttributeList
from extract.connection import NoServerError, connect
from extract.identifiers import Identifiers
from extract.known_files import RawRowsError, State, Vanished, add_root, known_files, roots, save_root
from extract.parts import PartWriter, Shard
from extract.parts_folder import PartsState, locked, new_scan, write_manifest
from extract.raw_database import (
    ensure_schema,
    finish_run,
    layout_id,
    lock_scan,
    mark_vanished,
    prune_headers,
    start_run,
)
from extract.raw_rows import RunCounts, content_key
from extract.reader_pool import KEPT, ReaderPool, ScanError, Task, cores
from extract.readers import (
    DatabaseWriter,
    HeaderFile,
    HeaderReader,
    PartsWriter,
    ReaderSettings,
    TaskResult,
    blame,
)
from extract.walk import Chunk, FoundFile, Root, holds, parts_of, root_of, storable, walk

PACKAGE = "icdm-on-dbt"
FILES_PER_TASK = 500
FILES_PER_PART = 2000

Progress = Callable[[RunCounts], None]


@dataclass
class RunSummary:
    """The outcome of a scan."""

    name: str
    counts: RunCounts
    reasons: Counter[tuple[str, str]]


def scan(
    paths: Sequence[Path],
    attributes: AttributeList,
    identifiers: Identifiers,
    *,
    jobs: int | None = None,
    root_name: str | None = None,
    accept_vanished: bool = False,
    progress: Progress = lambda counts: None,
) -> RunSummary:
    """Bring schema icdm_raw up to date with the files at and below `paths`.

    Raises FileNotFoundError (a path is not there), RawRowsError (the database cannot take the scan), ScanError
    (readers are killed again and again, or the connection was lost) and psycopg.Error (the database refused rows).
    """
    absolute = _outermost(os.path.realpath(path, strict=True) for path in paths)
    with connect("icdm-extract scan") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        names = [attribute.key for attribute in attributes.of_instance]
        layout = layout_id(connection, attributes.fingerprint, READING_VERSION, names)
        run_id = start_run(connection, [storable(p) for p in absolute], version(PACKAGE), layout, identifiers)
        counts = RunCounts()
        try:
            known_roots = _roots_for(connection, absolute, root_name)
            settings = ReaderSettings(attributes, identifiers, run_id, layout, DatabaseWriter)
            vanished = Vanished(connection, 'collate "C"')
            run = _Run(connection, vanished, settings, known_roots, Shard(), progress)
            counts = run.counts
            run.read(absolute, FILES_PER_TASK, jobs or cores())
            run.gather_vanished(absolute)
            counts.vanished = vanished.check(accept_vanished)
            mark_vanished(connection, run_id)
            prune_headers(connection)
        except BaseException as error:
            # Where the connection itself is lost, the next run closes this one.
            with suppress(psycopg.Error):
                connection.rollback()
                finish_run(connection, run_id, "failed", counts, _message(error))
            if isinstance(error, psycopg.OperationalError):
                reason = error.diag.message_primary or str(error)
                raise ScanError(f"the database ended the scan: {reason}. {KEPT}") from error
            if isinstance(error, NoServerError):  # a reader that came to connect when the server was gone
                raise ScanError(f"the database ended the scan: {error}\n{KEPT}") from error
            raise
        finish_run(connection, run_id, "completed", counts, None)
        return RunSummary(str(run_id), counts, run.reasons)


def scan_to_parts(
    paths: Sequence[Path],
    attributes: AttributeList,
    identifiers: Identifiers,
    *,
    into: Path,
    shard: Shard,
    jobs: int | None = None,
    root_name: str | None = None,
    accept_vanished: bool = False,
    progress: Progress = lambda counts: None,
) -> RunSummary:
    """Bring a folder of Parquet parts up to date with a shard of the files at and below `paths`; needs no database.

    Raises FileNotFoundError (a path is not there), RawRowsError (the folder cannot take the scan), ScanError (readers
    are killed again and again), PartWriteError (the disk is full) and OSError (the folder cannot be made).
    """
    absolute = _outermost(os.path.realpath(path, strict=True) for path in paths)
    if any(holds(path, os.path.realpath(into)) for path in absolute):
        raise RawRowsError(f"{into} lies within what is to be scanned; give a folder elsewhere")
    with locked(into, shard):
        begun = new_scan(shard, [storable(p) for p in absolute], version(PACKAGE), attributes, identifiers)
        state = PartsState(into, begun)
        counts = RunCounts()
        try:
            known_roots = _roots_for(state, absolute, root_name)
            begun = replace(begun, roots={root.name: root.path for root in known_roots})
            writer = partial(PartsWriter, into, begun, {root.root_id: root.name for root in known_roots})
            settings = ReaderSettings(attributes, identifiers, state.run_id, state.layout_id, writer)
            vanished = Vanished(state, "")
            run = _Run(state, vanished, settings, known_roots, shard, progress)
            counts = run.counts
            run.read(absolute, FILES_PER_PART, jobs or cores())
            state.know(begun)
            run.gather_vanished(absolute)
            counts.vanished = vanished.check(accept_vanished)
            if counts.vanished:
                part = PartWriter(into, begun, run.tasks + 1)
                part.write(state.vanished_rows())
                part.complete()
        except BaseException as error:
            with suppress(OSError):
                write_manifest(into, begun, "failed", counts, _message(error))
            raise
        write_manifest(into, begun, "completed", counts, None)
        return RunSummary(begun.scan, counts, run.reasons)


def _message(error: BaseException) -> str:
    return str(error) if isinstance(error, RawRowsError) else type(error).__name__


def _outermost(paths: Iterable[str]) -> list[str]:
    """Leave out what lies below another of the paths, so that no file is met twice."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(holds(folder, path) for folder in kept):
            kept.append(path)
    return kept


def _roots_for(state: State, paths: Sequence[str], root_name: str | None) -> list[Root]:
    if root_name is not None:
        save_root(state, root_name, storable(paths[0]))
    for path in paths:
        if root_of(storable(path), roots(state)) is None:
            folder = storable(path if Path(path).is_dir() else str(Path(path).parent))
            add_root(state, folder)
    return roots(state)


class _Run:
    """One pass over the paths: compares with what is known, hands out what is new, gathers what is gone."""

    def __init__(
        self,
        state: State,
        vanished: Vanished,
        settings: ReaderSettings,
        known_roots: list[Root],
        shard: Shard,
        progress: Progress,
    ) -> None:
        self.state = state
        self.vanished = vanished
        self.settings = settings
        self.known_roots = known_roots
        self.shard = shard
        self.progress = progress
        self.tasks = 0
        self.counts = RunCounts()
        self.reasons: Counter[tuple[str, str]] = Counter()

    def read(self, paths: Sequence[str], files_per_task: int, jobs: int) -> None:
        """Have every file read that is new or changed."""
        Thread(target=self._count, args=(paths,), daemon=True).start()
        with ReaderPool(partial(HeaderReader, self.settings), blame, jobs) as readers:
            for path in paths:
                task = self._task()
                for chunk in walk(path, self.known_roots):
                    for found in self._to_read(chunk):
                        task.files.append((chunk.root.root_id, chunk.folder, found))
                        if len(task.files) == files_per_task:
                            readers.submit(task)
                            task = self._task()
                            self._note(readers.results())
                if task.files:
                    readers.submit(task)
            self._note(readers.results(allowed=0))

    def gather_vanished(self, paths: Sequence[str]) -> None:
        """Gather what lay in folders and archives that are gone; after the reading, which visits archives' members."""
        for path in paths:
            place = path if Path(path).is_dir() else inner_folder(*os.path.split(path))
            for root, below in parts_of(storable(place), self.known_roots):
                self.vanished.miss_unvisited(root, below, self.settings.run_id)
        self.state.commit()

    def _count(self, paths: Sequence[str]) -> None:
        files = sum(len(names) for path in paths for _, _, names in os.walk(path)) or len(paths)
        self.counts.expected = files // self.shard.of

    def _task(self) -> Task[HeaderFile]:
        self.tasks += 1
        return Task(self.tasks)

    def _to_read(self, chunk: Chunk) -> list[FoundFile]:
        folder_key = content_key(str(chunk.root.root_id), chunk.folder)
        if chunk.problem is not None:
            # What lies in it and below it is out of sight, not gone.
            for root, below in parts_of(str(Path(chunk.root.path, chunk.folder)), self.known_roots):
                self.vanished.visit_below(root, below)
            self.state.commit()
            if not self.shard.takes(chunk.folder, ""):
                return []
            self.counts.seen += 1
            return [FoundFile(chunk.folder, "", problem=f"folder: {chunk.problem}")]
        self.vanished.visit(folder_key)
        known = known_files(self.state, folder_key, chunk.first, chunk.end)
        new = []
        for found in chunk.files:
            if not self.shard.takes(chunk.folder, found.name):
                continue
            self.counts.seen += 1
            before = known.pop(found.name, None)
            if before and before[:3] == (found.size, found.modification_time_ns, self.settings.layout):
                self.counts.unchanged += 1
                if before.is_archive:
                    # Members older than its own row were not in it when it was read.
                    below = inner_folder(chunk.folder, found.name)
                    self.vanished.miss_unvisited(chunk.root, below, before.run_id)
                    self.vanished.visit_below(chunk.root, below)
            else:
                new.append(found)
        if known:
            self.vanished.miss(folder_key, known)
        self.state.commit()
        self.progress(self.counts)
        return new

    def _note(self, results: Iterable[TaskResult]) -> None:
        for result in results:
            self.counts.seen += result.members
            self.counts.read += result.read
            self.counts.masked += result.masked
            self.reasons += result.reasons
            self.counts.rejected = sum(n for (outcome, _), n in self.reasons.items() if outcome == "rejected")
            self.counts.ignored = sum(n for (outcome, _), n in self.reasons.items() if outcome == "ignored")
            self.progress(self.counts)
