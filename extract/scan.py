"""Scan an archive: find the files, read the new and changed ones in several processes, write their raw rows."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import psycopg

from extract.archive import REASON as ARCHIVE_REASON
from extract.archive import Archive, ArchiveError, inner_folder
from extract.attributes import AttributeList
from extract.connection import connect
from extract.header import IgnoredFileError, RejectedFileError, read_open_file
from extract.identifiers import Identifiers
from extract.raw_database import (
    AnyConnection,
    RawDatabaseError,
    RunCounts,
    Vanished,
    add_root,
    ensure_schema,
    finish_run,
    known_files,
    layout_id,
    lock_scan,
    prepare_batches,
    prune_headers,
    roots,
    save_root,
    start_run,
    write_batch,
)
from extract.raw_rows import Batch, content_key
from extract.walk import Chunk, FoundFile, Root, holds, root_of, storable, walk

FILES_PER_TASK = 500
TASKS_IN_FLIGHT = 4  # per process: enough to keep them busy, few enough to bound memory
KEPT = "What was committed is kept: scan again to go on."


class ScanError(RuntimeError):
    """The scan failed; what was committed stays, and the next scan goes on from there."""


@dataclass(frozen=True)
class Task:
    """Files to read in one transaction, each with root and folder."""

    files: list[tuple[int, str, FoundFile]] = field(default_factory=list)


@dataclass
class TaskResult:
    """What became of a task's files, with the reasons of those that were left out."""

    read: int = 0
    masked: int = 0
    members: int = 0  # files inside archives, which the walk does not see
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass
class RunSummary:
    """The outcome of a scan."""

    run_id: int
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
    progress: Callable[[RunCounts], None] = lambda counts: None,
) -> RunSummary:
    """Bring schema icdm_raw up to date with the files at and below `paths`.

    Raises FileNotFoundError (a path is not there), RawDatabaseError (the database cannot take the scan),
    ScanError (a reading process died, or the connection was lost) and psycopg.Error (the database refused rows).
    """
    absolute = _outermost(os.path.realpath(path, strict=True) for path in paths)
    with connect("icdm-extract scan") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        layout = layout_id(connection, attributes)
        run_id = start_run(connection, [storable(p) for p in absolute], version("icdm-on-dbt"), layout, identifiers)
        run = _Run(connection, run_id, layout, progress)
        try:
            known_roots = _roots_for(connection, absolute, root_name)
            settings = _WorkerSettings(attributes, identifiers, run_id, layout)
            run.read(absolute, known_roots, settings, jobs or _cores())
            run.counts.vanished = run.vanished.mark(run_id, accept_vanished)
            prune_headers(connection)
        except BaseException as error:
            # Where the connection itself is lost, the next run closes this one.
            with suppress(psycopg.Error):
                connection.rollback()
                message = str(error) if isinstance(error, RawDatabaseError) else type(error).__name__
                finish_run(connection, run_id, "failed", run.counts, message)
            if isinstance(error, psycopg.OperationalError):
                reason = error.diag.message_primary or str(error)
                raise ScanError(f"the database ended the scan: {reason}. {KEPT}") from error
            raise
        finish_run(connection, run_id, "completed", run.counts, None)
        return RunSummary(run_id, run.counts, run.reasons)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _outermost(paths: Iterable[str]) -> list[str]:
    """Leave out what lies below another of the paths, so that no file is met twice."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(holds(folder, path) for folder in kept):
            kept.append(path)
    return kept


def _roots_for(connection: AnyConnection, paths: Sequence[str], root_name: str | None) -> list[Root]:
    if root_name is not None:
        save_root(connection, root_name, storable(paths[0]))
    for path in paths:
        if root_of(storable(path), roots(connection)) is None:
            folder = storable(path if Path(path).is_dir() else str(Path(path).parent))
            add_root(connection, folder)
    return roots(connection)


class _Run:
    """One pass over the paths: compares with what is known, hands out what is new, gathers what is gone."""

    def __init__(
        self, connection: AnyConnection, run_id: int, layout: int, progress: Callable[[RunCounts], None]
    ) -> None:
        self.connection = connection
        self.run_id = run_id
        self.layout = layout
        self.progress = progress
        self.counts = RunCounts()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.vanished = Vanished(connection)

    def read(self, paths: Sequence[str], known_roots: list[Root], settings: "_WorkerSettings", jobs: int) -> None:
        # A forked process would share the parent's connections.
        context = get_context("spawn")
        with ProcessPoolExecutor(jobs, context, _start_worker, (settings,)) as pool:
            pending: set[Future[TaskResult]] = set()
            try:
                for path in paths:
                    task = Task()
                    for chunk in walk(path, known_roots):
                        for found in self._to_read(chunk, known_roots):
                            task.files.append((chunk.root.root_id, chunk.folder, found))
                            if len(task.files) == FILES_PER_TASK:
                                pending.add(pool.submit(_read_task, task))
                                task = Task()
                                pending = self._collect(pending, jobs * TASKS_IN_FLIGHT)
                    if task.files:
                        pending.add(pool.submit(_read_task, task))
                self._collect(pending, 0)
                # After the reading, which visits the members of new and changed archives.
                for path in paths:
                    place = path if Path(path).is_dir() else inner_folder(*os.path.split(path))
                    for root, below in _parts(storable(place), known_roots):
                        self.vanished.miss_unvisited(root, below, self.run_id)
            except BrokenProcessPool as error:
                raise ScanError(f"a reading process was killed (out of memory?). {KEPT}") from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _to_read(self, chunk: Chunk, known_roots: list[Root]) -> list[FoundFile]:
        folder_key = content_key(str(chunk.root.root_id), chunk.folder)
        if chunk.problem is not None:
            # What lies in it and below it is out of sight, not gone.
            for root, below in _parts(str(Path(chunk.root.path, chunk.folder)), known_roots):
                self.vanished.visit_below(root, below)
            self.connection.commit()
            self.counts.seen += 1
            return [FoundFile(chunk.folder, "", problem=f"folder: {chunk.problem}")]
        self.vanished.visit(folder_key)
        known = known_files(self.connection, folder_key, chunk.first, chunk.end)
        new = []
        for found in chunk.files:
            before = known.pop(found.name, None)
            if before and before[:3] == (found.size, found.modification_time_ns, self.layout):
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
        self.connection.commit()
        self.counts.seen += len(chunk.files)
        self.progress(self.counts)
        return new

    def _collect(self, pending: set[Future[TaskResult]], allowed: int) -> set[Future[TaskResult]]:
        while len(pending) > allowed:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                self.counts.seen += result.members
                self.counts.read += result.read
                self.counts.masked += result.masked
                self.reasons += result.reasons
                self.counts.rejected = sum(n for (outcome, _), n in self.reasons.items() if outcome == "rejected")
                self.counts.ignored = sum(n for (outcome, _), n in self.reasons.items() if outcome == "ignored")
            self.progress(self.counts)
        return pending


def _parts(path: str, known_roots: Sequence[Root]) -> Iterator[tuple[Root, str]]:
    """Yield what lies at or below a folder, as roots and folders of theirs, '' for the whole root."""
    for root in known_roots:
        if holds(path, root.path):
            yield root, ""
        elif holds(root.path, path):
            yield root, os.path.relpath(path, root.path)


@dataclass(frozen=True)
class _WorkerSettings:
    attributes: AttributeList
    identifiers: Identifiers
    run_id: int
    layout: int


class _Worker:
    def __init__(self, settings: _WorkerSettings) -> None:
        self.settings = settings

    @cached_property
    def connection(self) -> AnyConnection:
        # Made by the first task, since a task can say why it fails and the start of a process cannot.
        connection = connect("icdm-extract reader")
        prepare_batches(connection)
        return connection


_worker: _Worker | None = None


def _start_worker(settings: _WorkerSettings) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the run
    Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(settings)


def _end_with_parent() -> None:
    """A main process that is killed takes its readers along: they would wait for tasks for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _read_task(task: Task) -> TaskResult:
    assert _worker is not None
    reading = _Reading(_worker.settings, _worker.connection)
    for root_id, folder, found in task.files:
        reading.read_file(root_id, folder, found)
    reading.write()
    return reading.result


def _open(path: str) -> BinaryIO:
    return Path(path).open("rb")


class _Reading:
    """The files of one task: read, and written in one transaction, or several where an archive holds many."""

    def __init__(self, settings: _WorkerSettings, connection: AnyConnection) -> None:
        self.settings = settings
        self.connection = connection
        self.batch = Batch(settings.run_id, settings.layout)
        self.result = TaskResult()

    def write(self) -> None:
        write_batch(self.connection, self.batch)
        self.batch = Batch(self.settings.run_id, self.settings.layout)

    def read_file(self, root_id: int, folder: str, found: FoundFile) -> None:
        """Read one file of the file system, or the members of an archive."""
        if found.problem is not None:
            folder_key = self.batch.add_folder(root_id, folder)
            self._leave_out(folder_key, found, "rejected", "cannot be opened", found.problem)
        elif self._read(root_id, folder, found, partial(_open, found.path)) == ARCHIVE_REASON:
            self._read_archive(root_id, folder, found)

    def _read_archive(self, root_id: int, folder: str, found: FoundFile) -> None:
        """Read an archive's members, then write its own row: a run that is killed before reads it again."""
        reason = ("ignored", ARCHIVE_REASON, "")
        try:
            with Archive(found) as archive:
                for inner, member, info in archive.members():
                    self.result.members += 1
                    place = inner_folder(folder, found.name, inner)
                    if self._read(root_id, place, member, partial(archive.open, info)) == ARCHIVE_REASON:
                        folder_key = self.batch.add_folder(root_id, place)
                        self._leave_out(folder_key, member, "rejected", "an archive within an archive")
                    if self.result.members % FILES_PER_TASK == 0:
                        self.write()
        except ArchiveError as broken:
            reason = ("rejected", "archive cannot be read", str(broken))
        self._leave_out(self.batch.add_folder(root_id, folder), found, *reason)

    def _read(
        self, root_id: int, folder: str, found: FoundFile, opened: Callable[[], AbstractContextManager[BinaryIO]]
    ) -> str | None:
        """Read a file into the batch, as an instance or with the reason why it is none; an archive is only named."""
        folder_key = self.batch.add_folder(root_id, folder)
        try:
            with opened() as file:
                header = read_open_file(file, self.settings.attributes, self.settings.identifiers)
        except IgnoredFileError as ignored:
            if str(ignored) == ARCHIVE_REASON:
                return ARCHIVE_REASON
            self._leave_out(folder_key, found, "ignored", str(ignored))
        except RejectedFileError as rejected:
            self._leave_out(folder_key, found, "rejected", *rejected.args)
        except ArchiveError as broken:
            self._leave_out(folder_key, found, "rejected", "cannot be read in its archive", str(broken))
        except OSError as error:
            # Without its modification time the file is tried again by the next run.
            unread = replace(found, modification_time_ns=0)
            self._leave_out(folder_key, unread, "rejected", "cannot be opened", os.strerror(error.errno or 0))
        else:
            self.batch.add_header(folder_key, found, header)
            self.result.read += 1
            self.result.masked += header.values_masked
        return None

    def _leave_out(self, folder_key: int, found: FoundFile, outcome: str, reason: str, detail: str = "") -> None:
        self.batch.add_rejected(folder_key, found, outcome, reason, detail or None)
        self.result.reasons[outcome, reason] += 1
