"""What the reading processes do in a scan: they read the headers of files and write the raw rows where those belong."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, Protocol

from extract.archive import REASON as ARCHIVE_REASON
from extract.archive import Archive, ArchiveError, inner_folder
from extract.attributes import AttributeList
from extract.connection import connect
from extract.header import IgnoredFileError, RejectedFileError, read_open_file
from extract.identifiers import Identifiers
from extract.parts import PartWriter, ScanOfParts, rows_of
from extract.raw_database import AnyConnection, prepare_batches, write_batch
from extract.raw_rows import Batch
from extract.reader_pool import KILLED, Position, Task
from extract.walk import FoundFile

FILES_PER_BATCH = 500

HeaderFile = tuple[int, str, FoundFile]  # with root and folder


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


class HeaderReader:
    """Reads the headers of tasks, in a process of its own."""

    def __init__(self, settings: ReaderSettings) -> None:
        self.settings = settings
        self.writer = settings.writer()

    def read(self, task: Task[HeaderFile], position: Position) -> TaskResult:
        """Read a task's files and write their rows."""
        self.writer.begin(task.number)
        reading = _Reading(self.settings, self.writer)
        for position.value, (root_id, folder, found) in enumerate(task.files):
            reading.read_file(root_id, folder, found)
        reading.write()
        self.writer.end()
        return reading.result


def blame(file: HeaderFile) -> HeaderFile:
    """Return a file that kills its reader, not to be read; without its modification time the next run tries again."""
    root_id, folder, found = file
    return root_id, folder, replace(found, modification_time_ns=0, problem=KILLED)


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
            reason = ("kills its reader", KILLED) if found.problem == KILLED else ("cannot be opened", found.problem)
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
