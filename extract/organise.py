"""Lay out series in folders that say what they are, by the model series_file; sources are only read."""

import csv
import errno
import filecmp
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from extract.archive import Archive, ArchiveError, archive_of
from extract.walk import FoundFile, file_system_path, holds, storable

MODEL = sql.SQL("icdm_analysis.series_file")
FETCHED_ROWS = 10_000
COPIED_BYTES = 1 << 20
# The database keeps modification times to the microsecond.
SAME_SECONDS = 0.001

MANIFEST = pa.schema(
    {
        "target": pa.string(),
        "source": pa.string(),
        "file_size": pa.int64(),
        "sop_instance_uid": pa.string(),
        "unique_series_id": pa.string(),
        "imaging_study_id": pa.int64(),
        "person_id": pa.int64(),
    }
)

AnyConnection = psycopg.Connection[tuple[Any, ...]]
Progress = Callable[[int, int | None], None]


class OrganiseSettingsError(ValueError):
    """What was asked for cannot be done as it stands; the message says what to change."""


class OrganiseError(Exception):
    """The work cannot go on; the message says why."""


class _SourceError(Exception):
    """A source cannot be read; the argument is why."""


class Method(StrEnum):
    """How a file comes to its place. Members of archives are copied, whatever the method."""

    HARD_LINK = "hard-link"
    SYMLINK = "symlink"
    COPY = "copy"


class Outcome(StrEnum):
    """What became of a file, or in a dry run would."""

    NEW = "laid out"
    THERE = "there already"
    REFUSED = "refused: another file stands in its place"
    MISSING = "missing: the file is gone since the scan"
    CHANGED = "changed since the scan: scan and build again"
    UNREADABLE = "unreadable"

    @property
    def is_problem(self) -> bool:
        """Tell whether somebody has to look."""
        return self not in (Outcome.NEW, Outcome.THERE)


class File(NamedTuple):
    """A row of series_file; the target is relative to the destination, paths are storable text."""

    folder_path: str
    file_name: str
    file_size: int
    modified_at: datetime
    organised_folder: str
    organised_name: str
    sop_instance_uid: str
    unique_series_id: str
    imaging_study_id: int
    person_id: int | None

    @property
    def source(self) -> str:
        """Where the file lies, members of archives as `archive.zip!/inner/path`."""
        return f"{self.folder_path.rstrip('/')}/{self.file_name}"

    @property
    def target(self) -> str:
        """Where it goes."""
        return f"{self.organised_folder}/{self.organised_name}"


@dataclass
class Folder:
    """What a dry run says of the folder of a series."""

    files: int = 0
    size: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)


@dataclass
class Summary:
    """What was done: files by outcome, bytes of those laid out, copies out of archives among them."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    size: int = 0
    from_archives: int = 0
    series: int = 0
    series_without_files: int = 0
    folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def has_problems(self) -> bool:
        """Tell whether something that was asked for is not there."""
        return bool(self.series_without_files) or any(outcome.is_problem for outcome in self.outcomes)


class SeriesFiles:
    """The rows of series_file, all or those of the series that a relation names, in the order of their sources."""

    def __init__(self, connection: AnyConnection, only: tuple[str, str] | None = None) -> None:
        """Ask for them, which reads the whole model. `only` is schema and table of the relation.

        Raises OrganiseSettingsError: there is no such relation, it has no unique_series_id, or nothing is built yet.
        """
        self.connection = connection
        self.asked: int | None = None
        self.key_length = 2
        condition: sql.Composable = sql.SQL("")
        if only is not None:
            condition = self._condition(*only)
        columns = sql.SQL(", ").join(map(sql.Identifier, File._fields))
        self.cursor = connection.cursor(name="series_files", scrollable=True)
        try:
            self.cursor.execute(
                sql.SQL('select {} from {} as files {} order by folder_path collate "C", file_name').format(
                    columns, MODEL, condition
                )
            )
        except psycopg.errors.UndefinedTable as error:
            raise OrganiseSettingsError("there is no icdm_analysis.series_file yet: run `dbt build` first") from error

    def __enter__(self) -> "SeriesFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self.cursor.close()

    def _condition(self, schema: str, table: str) -> sql.Composable:
        name = f"{schema}.{table}"
        relation = sql.Identifier(schema, table)
        try:
            described = self.connection.execute(sql.SQL("select * from {} limit 0").format(relation)).description
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise OrganiseSettingsError(f"{name}: there is no such table or view") from error
        columns = {column.name for column in described or ()}
        if "unique_series_id" not in columns:
            raise OrganiseSettingsError(f"{name} has no column unique_series_id, which says which series to take")
        # A UID may be that of two studies, so the study counts where the relation names it.
        keys = [sql.Identifier(key) for key in ("unique_series_id", "imaging_study_id") if key in columns]
        ((self.asked,),) = self.connection.execute(
            sql.SQL(
                "select count(*) from (select distinct {} from {} where unique_series_id is not null) as series"
            ).format(sql.SQL(", ").join(keys), relation)
        ).fetchall()
        agree = sql.SQL(" and ").join(sql.SQL("asked.{0}::text = files.{0}::text").format(key) for key in keys)
        self.key_length = len(keys)
        return sql.SQL("where exists (select 1 from {} as asked where {})").format(relation, agree)

    def __iter__(self) -> Iterator[File]:
        """Yield them from the first on, as often as wanted, all times the same."""
        self.cursor.scroll(0, mode="absolute")
        while rows := self.cursor.fetchmany(FETCHED_ROWS):
            yield from map(File._make, rows)


def write_manifest(files: SeriesFiles, destination: Path, progress: Progress) -> Summary:
    """Write `manifest.csv` and `manifest.parquet` into the destination: each file with its target.

    Raises OrganiseError where one of other content stands there, OSError where it cannot be written.
    """
    destination.mkdir(parents=True, exist_ok=True)
    summary = Summary()
    series = set()
    unfinished = {suffix: destination / f".manifest.{suffix}.part" for suffix in ("csv", "parquet")}
    try:
        with (
            unfinished["csv"].open("w", encoding="utf-8", newline="") as text,
            pq.ParquetWriter(unfinished["parquet"], MANIFEST) as parquet,
        ):
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(MANIFEST.names)
            for rows in _batches(files):
                writer.writerows([getattr(file, name) for name in MANIFEST.names] for file in rows)
                values = {name: [getattr(file, name) for file in rows] for name in MANIFEST.names}
                parquet.write_table(pa.table(values, MANIFEST))
                summary.outcomes[Outcome.NEW] += len(rows)
                summary.size += sum(file.file_size for file in rows)
                series |= {_series(file, files) for file in rows}
                progress(summary.outcomes.total(), None)
        for suffix, path in unfinished.items():
            target = destination / f"manifest.{suffix}"
            if target.exists() and not filecmp.cmp(path, target, shallow=False):
                raise OrganiseError(f"{target} stands there with other content: remove it, or name another DEST")
        for suffix, path in unfinished.items():
            path.replace(destination / f"manifest.{suffix}")
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)
    _count_series(summary, series, files)
    return summary


def organise(
    files: SeriesFiles, destination: Path, method: Method | None, progress: Progress, report: Callable[[str], None]
) -> Summary:
    """Bring every file to its place below the destination; without a method nothing is written, only told.

    A file that stands there with the same content is left, one with another content as well, and told. `report` is
    given a line for each file that somebody has to look at.

    Raises:
        OrganiseSettingsError: the destination is no folder, or lies in a place that scans read.
        OrganiseError: there is not enough space, or no link can be made from there.
    """
    _check_destination(files.connection, destination)
    total, to_copy = _measured(files, destination, method)
    free = shutil.disk_usage(_existing(destination)).free
    if method is not None and to_copy > free:
        raise OrganiseError(
            f"{destination}: {to_copy:,} bytes are to be copied, and {free:,} are free; "
            "--from takes some series only, --hard-link and --symlink need no space"
        )
    summary = Summary()
    series = set()
    with _Sources() as sources:
        for number, file in enumerate(files, 1):
            series.add(_series(file, files))
            target = destination / file.organised_folder / file.organised_name
            try:
                outcome = sources.judge(file, target)
                if outcome is Outcome.NEW and method is not None:
                    summary.from_archives += _lay(file, sources, target, method)
            except _SourceError as error:
                outcome = Outcome.UNREADABLE
                report(f"{file.source}: {outcome}: {error}")
            else:
                if outcome.is_problem:
                    report(f"{target if outcome is Outcome.REFUSED else file.source}: {outcome}")
            summary.outcomes[outcome] += 1
            if outcome is Outcome.NEW:
                summary.size += file.file_size
            if method is None:
                folder = summary.folders.setdefault(file.organised_folder, Folder())
                folder.files += 1
                folder.size += file.file_size
                folder.outcomes[outcome] += 1
            progress(number, total)
    _count_series(summary, series, files)
    return summary


def _batches(files: SeriesFiles) -> Iterator[list[File]]:
    batch: list[File] = []
    for file in files:
        batch.append(file)
        if len(batch) == FETCHED_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _series(file: File, files: SeriesFiles) -> tuple[Any, ...]:
    return (file.unique_series_id, file.imaging_study_id)[: files.key_length]


def _count_series(summary: Summary, series: set[tuple[Any, ...]], files: SeriesFiles) -> None:
    summary.series = len(series)
    summary.series_without_files = 0 if files.asked is None else files.asked - len(series)


def _check_destination(connection: AnyConnection, destination: Path) -> None:
    if destination.exists() and not destination.is_dir():
        raise OrganiseSettingsError(f"{destination} is a file: name a folder")
    real = storable(os.path.realpath(destination))
    for (root,) in connection.execute("select root_path from icdm_raw.root"):
        if holds(storable(os.path.realpath(file_system_path(root))), real):
            raise OrganiseSettingsError(
                f"{destination} lies in {root}, which scans read: they would meet every file twice; name another DEST"
            )


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.absolute().parents) if place.is_dir())


def _measured(files: SeriesFiles, destination: Path, method: Method | None) -> tuple[int, int]:
    """Return the number of files and how many bytes are to be copied at most."""
    number = to_copy = 0
    for number, file in enumerate(files, 1):  # noqa: B007
        is_copied = method is Method.COPY or archive_of(file.folder_path) is not None
        if is_copied and not os.path.lexists(destination / file.organised_folder / file.organised_name):
            to_copy += file.file_size
    return number, to_copy


class _Sources:
    """The files to be laid out. They come in the order of their folders, so the last archive is kept open."""

    def __init__(self) -> None:
        self.folder_path: str | None = None
        self.archive_path: Path | None = None
        self.inner = ""
        self.archive: Archive | None = None
        self.members: dict[str, Any] = {}

    def __enter__(self) -> "_Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self.archive is not None:
            self.archive.file.close()
        self.archive, self.members = None, {}

    def _move_to(self, folder_path: str) -> None:
        if folder_path == self.folder_path:
            return
        self.folder_path = folder_path
        archive, self.inner = archive_of(folder_path) or (None, "")
        if archive != self.archive_path or self.archive is None:
            self._close()
            self.archive_path = archive

    def _member(self, file: File) -> Any:
        """The directory entry of a member. Raises _SourceError, and FileNotFoundError where the archive lacks it."""
        assert self.archive_path is not None
        if self.archive is None:
            try:
                self.archive = Archive(FoundFile(str(self.archive_path), self.archive_path.name))
            except ArchiveError as error:
                raise _SourceError(str(error)) from error
            self.members = {f"{inner}/{found.name}": info for inner, found, info in self.archive.members()}
        try:
            return self.members[f"{self.inner}/{file.file_name}"]
        except KeyError as error:
            raise FileNotFoundError(errno.ENOENT, "the member is gone", file.source) from error

    def path(self, file: File) -> Path | None:
        """The file on disk, None for a member of an archive."""
        self._move_to(file.folder_path)
        return None if self.archive_path else Path(file_system_path(file.source))

    def judge(self, file: File, target: Path) -> Outcome:
        """Say what is to become of a file. Raises _SourceError where source or target cannot be looked at."""
        path = self.path(file)
        try:
            if path is None:
                assert self.archive_path is not None
                status, size = self.archive_path.stat(), self._member(file).file_size
            else:
                status = path.stat()
                size = status.st_size
        except (FileNotFoundError, NotADirectoryError):
            return Outcome.MISSING
        except OSError as error:
            raise _SourceError(error.strerror) from error
        if size != file.file_size or abs(status.st_mtime - file.modified_at.timestamp()) > SAME_SECONDS:
            return Outcome.CHANGED
        if not os.path.lexists(target):
            return Outcome.NEW
        return Outcome.THERE if self._is_equal(file, path, status, target) else Outcome.REFUSED

    def _is_equal(self, file: File, path: Path | None, status: os.stat_result, target: Path) -> bool:
        try:
            there = target.stat()
        except FileNotFoundError:  # a link to nowhere
            return False
        if not stat.S_ISREG(there.st_mode) or there.st_size != file.file_size:
            return False
        # Copies keep the time of their source: what agrees in it need not be read again.
        if there.st_mtime_ns == status.st_mtime_ns or (path is not None and os.path.samestat(there, status)):
            return True
        with self.opened(file) as source, target.open("rb") as other:
            while chunk := _read(source):
                if chunk != other.read(len(chunk)):
                    return False
        return True

    @contextmanager
    def opened(self, file: File) -> Iterator[BinaryIO]:
        """Open a file to read it. Raises _SourceError."""
        path = self.path(file)
        if path is not None:
            try:
                file_on_disk = path.open("rb")
            except OSError as error:
                raise _SourceError(error.strerror) from error
            with file_on_disk:
                yield file_on_disk
            return
        info = self._member(file)
        assert self.archive is not None
        try:
            with self.archive.open(info) as source:
                yield source
        except ArchiveError as error:
            raise _SourceError(str(error)) from error


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(COPIED_BYTES)
    except OSError as error:
        raise _SourceError(error.strerror) from error


def _lay(file: File, sources: _Sources, target: Path, method: Method) -> bool:
    """Bring a file to its place, and tell whether it came out of an archive."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrganiseError(f"{target.parent}: {error.strerror}") from error
    path = sources.path(file)
    if path is None or method is Method.COPY:
        _copy(file, sources, target)
        return path is None
    try:
        if method is Method.HARD_LINK:
            os.link(os.path.realpath(path), target)
        else:
            target.symlink_to(path)
    except OSError as error:
        advice = "--copy or --symlink works" if method is Method.HARD_LINK else "--copy works"
        raise OrganiseError(f"{target}: no {method} to {file.source}: {error.strerror}; {advice}") from error
    return False


def _copy(file: File, sources: _Sources, target: Path) -> None:
    """Copy under another name first, so that what has the name is whole."""
    unfinished = target.with_name(f".{target.name}.part")
    path = sources.path(file) or sources.archive_path
    assert path is not None
    try:
        with sources.opened(file) as source:
            _write(source, unfinished)
        if unfinished.stat().st_size != file.file_size:
            raise _SourceError("it ends early")
        status = path.stat()
        os.utime(unfinished, ns=(status.st_atime_ns, status.st_mtime_ns))
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(source: BinaryIO, path: Path) -> None:
    try:
        file = path.open("wb")
    except OSError as error:
        raise OrganiseError(f"{path.parent}: {error.strerror}") from error
    with file:
        while chunk := _read(source):
            try:
                file.write(chunk)
                file.flush()
            except OSError as error:
                raise OrganiseError(f"{path.parent}: {error.strerror}") from error
