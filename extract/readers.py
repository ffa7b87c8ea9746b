"""The reading processes: they take tasks of files, read their headers and write the raw rows where those belong."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, Protocol

from extract.archive import REASON as ARCHIVE_REASON
from extract.archive import Archive, ArchiveError, inner_folder
from extract.attributes import AttributeList
from extract.connection import connect
from extract.header import IgnoredFileError, RejectedFileError, read_open_file
from extract.identifiers import Identifiers
from extract.parts import PartWriter, ScanOfParts, rows_of
from extract.raw_database import AnyConnection, prepare_batches, write_batch
from extract.raw_rows import Batch
from extract.walk import FoundFile

FILES_PER_BATCH = 500
TASKS_IN_FLIGHT = 4  # per process: enough to keep them busy, few enough to bound memory
KEPT = "What was committed is kept: scan again to go on."
KILLED = "out of memory?"
MOST_KILLED = 10  # more readers killed one after another are no matter of single files


class ScanError(RuntimeError):
    """The scan failed; what was committed stays, and the next scan goes on from there."""


@dataclass
class Task:
    """Files to read, each with root and folder; its number is its own within the run."""

    number: int
    files: list[tuple[int, str, FoundFile]] = field(default_factory=list)


@dataclass
class TaskResult:
    """What became of a task's files, with the reasons of those that were left out."""

    read: int = 0
    masked: int = 0
    members: int = 0  # files inside archives, which the walk does not see
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)


class Writer(Protocol):
    """Where the rows of a task go."""

    def begin(self, task: int) -> None: ...

    def write(self, batch: Batch) -> None: ...

    def end(self) -> None: ...


class DatabaseWriter:
    """Writes each batch in a transaction of its own."""

    @cached_property
    def connection(self) -> AnyConnection:
        # Made by the first task, since a task can say why it fails and the start of a process cannot.
        connection = connect("icdm-extract reader")
        prepare_batches(connection)
        return connection

    def begin(self, task: int) -> None:
        pass

    def write(self, batch: Batch) -> None:
        write_batch(self.connection, batch)

    def end(self) -> None:
        pass


@dataclass
class PartsWriter:
    """Writes each task as a part."""

    directory: Path
    scan: ScanOfParts
    root_names: dict[int, str]

    def begin(self, task: int) -> None:
        self.part = PartWriter(self.directory, self.scan, task)

    def write(self, batch: Batch) -> None:
        self.part.write(rows_of(batch, self.root_names))

    def end(self) -> None:
        self.part.complete()


@dataclass(frozen=True)
class ReaderSettings:
    """What a reading process needs to know; `writer` makes its Writer."""

    attributes: AttributeList
    identifiers: Identifiers
    run_id: int
    layout: int
    writer: Callable[[], Writer]


class Readers:
    """Some reading processes. One that is killed takes no other file along, and no file stops a run."""

    def __init__(self, settings: ReaderSettings, jobs: int) -> None:
        self.settings = settings
        self.jobs = jobs
        self.killed = 0
        self.pending: dict[Future[TaskResult], Task] = {}
        # A forked process would share the parent's connections.
        self.context = get_context("spawn")
        self.position = self.context.Value("q", 0, lock=False)
        self.pool = self._pool(jobs)

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task) -> None:
        """Hand out a task."""
        try:
            self.pending[self.pool.submit(_read_task, task)] = task
        except BrokenProcessPool:
            lost: Future[TaskResult] = Future()
            lost.set_exception(BrokenProcessPool())
            self.pending[lost] = task

    def results(self, allowed: int | None = None) -> Iterator[TaskResult]:
        """Yield results until no more than `allowed` tasks are under way (by default, enough to keep all busy).

        Raises ScanError, and what stopped a reader: psycopg.Error, PartWriteError.
        """
        allowed = self.jobs * TASKS_IN_FLIGHT if allowed is None else allowed
        while len(self.pending) > allowed:
            done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
            lost = []
            for future in done:
                task = self.pending.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    lost.append(task)
            if lost:
                # All tasks under way are lost with the pool: they are done again, one after another, to find the
                # file that kills its reader, if it was a file.
                lost += self.pending.values()
                self.pending.clear()
                self.pool.shutdown(wait=True)
                for task in lost:
                    yield self._read_alone(task)
                self.pool = self._pool(self.jobs)

    def _read_alone(self, task: Task) -> TaskResult:
        while True:
            with self._pool(1) as pool:
                try:
                    return pool.submit(_read_task, task).result()
                except BrokenProcessPool as error:
                    self.killed += 1
                    if self.killed > MOST_KILLED:
                        raise ScanError(
                            f"reading processes are killed again and again (out of memory?). {KEPT}"
                        ) from error
                    root_id, folder, found = task.files[self.position.value]
                    # Without its modification time the file is tried again by the next run.
                    blamed = replace(found, modification_time_ns=0, problem=KILLED)
                    task.files[self.position.value] = root_id, folder, blamed

    def _pool(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, self.context, _start_worker, (self.settings, self.position))


_settings: ReaderSettings
_writer: Writer
_position: Any  # the place of the file at work within its task, for the main process to see if this one is killed


def _start_worker(settings: ReaderSettings, position: Any) -> None:
    global _settings, _writer, _position
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the run
    Thread(target=_end_with_parent, daemon=True).start()
    _settings, _writer, _position = settings, settings.writer(), position


def _end_with_parent() -> None:
    """A main process that is killed takes its readers along: they would wait for tasks for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _read_task(task: Task) -> TaskResult:
    _writer.begin(task.number)
    reading = _Reading(_settings, _writer)
    for position, (root_id, folder, found) in enumerate(task.files):
        _position.value = position
        reading.read_file(root_id, folder, found)
    reading.write()
    _writer.end()
    return reading.result


def _open(path: str) -> BinaryIO:
    return Path(path).open("rb")


class _Reading:
    """The files of one task: read and written, in one batch, or several where an archive holds many."""

    def __init__(self, settings: ReaderSettings, writer: Writer) -> None:
        self.settings = settings
        self.writer = writer
        self.batch = Batch(settings.run_id, settings.layout)
        self.result = TaskResult()

    def write(self) -> None:
        self.writer.write(self.batch)
        self.batch = Batch(self.settings.run_id, self.settings.layout)

    def read_file(self, root_id: int, folder: str, found: FoundFile) -> None:
        """Read one file of the file system, or the members of an archive."""
        if found.problem is not None:
            folder_key = self.batch.add_folder(root_id, folder)
            reason = (
                ("kills its reader", "out of memory?")
                if found.problem == KILLED
                else ("cannot be opened", found.problem)
            )
            self._leave_out(folder_key, found, "rejected", *reason)
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
                    if self.result.members % FILES_PER_BATCH == 0:
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
