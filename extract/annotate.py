"""The second step of a scan: read what annotation files mark, of the files that are known to the raw rows.

Which files there are, where they lie and which have vanished is known from the headers' scan; this step reads those
that hold annotations and were not read yet in their present state.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from extract.annotations.annotation import (
    AnnotationError,
    AnnotationFile,
    NotAnAnnotationError,
    SeriesNotScannedError,
)
from extract.annotations.context import DEFAULT_FRACTIONAL_THRESHOLD, ReadContext
from extract.annotations.form_names import LABEL_MAP, REPORT, SEGMENTATION, STRUCTURE_SET, TABLE
from extract.annotations.mapping import LabelMapEntry, Mapping, TableEntry
from extract.annotations.rows import AnnotationFileRow, write_annotations
from extract.annotations.scanned_series import ScannedSeriesOfDatabase
from extract.archive import ArchiveError, file_in_place, inner_folder
from extract.connection import connect
from extract.identifiers import Identifiers
from extract.known_files import roots
from extract.limits import LimitError, cpu_limit
from extract.raw_database import AnyConnection, check_identifiers, ensure_schema, lock_scan
from extract.reader_pool import KEPT, KILLED, Position, ReaderPool, ScanError, Task, cores
from extract.walk import Root, holds, parts_of, storable

FormReader = Callable[[Path, str, LabelMapEntry | TableEntry | None, ReadContext], AnnotationFile]

LABEL_MAP_SUFFIXES = (".nii", ".nii.gz", ".nrrd")
READING_VERSION = 1  # of the readers' rules: a new one has every file read again
CPU_SECONDS = 1800  # a mask of 500 MB takes a tenth of it
FILES_PER_TASK = 20

# Storage SOP classes (PS3.4 annex B.5): what holds annotations, or may.
FORMS = {
    "1.2.840.10008.5.1.4.1.1.66.4": SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.5": SEGMENTATION,  # of surfaces
    "1.2.840.10008.5.1.4.1.1.66.7": SEGMENTATION,  # label map
    "1.2.840.10008.5.1.4.1.1.481.3": STRUCTURE_SET,
}
REPORTS = "1.2.840.10008.5.1.4.1.1.88."  # all structured documents, CAD and dose reports among them


class Source(NamedTuple):
    """A file to read, `folder` below the root."""

    folder_key: int
    file_name: str
    file_size: int
    modification_time_ns: int
    root_path: str
    folder: str
    form: str
    patient_key: str | None = None
    entry: LabelMapEntry | TableEntry | None = None
    reading: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Settings:
    """What a reading process needs to know."""

    identifiers: Identifiers
    fractional_threshold: float


@dataclass
class AnnotationCounts:
    """What became of annotation files, by form and outcome."""

    files: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # form, outcome, reason
    annotations: Counter[str] = field(default_factory=Counter)  # by form
    unmeasured: int = 0
    masked: int = 0
    unmapped: int = 0  # label maps and tables that no mapping names

    def add(self, other: "AnnotationCounts") -> None:
        """Add what another process counted."""
        self.files += other.files
        self.annotations += other.annotations
        self.unmeasured += other.unmeasured
        self.masked += other.masked


def annotate(
    paths: Sequence[Path],
    identifiers: Identifiers,
    *,
    mapping: Mapping | None = None,
    fractional_threshold: float | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AnnotationCounts:
    """Read the annotation files at and below `paths` that are known, and new, changed or waiting for their series.

    Files are read again where the readers' version, the mapping or a threshold that is given is another one.
    Raises RawRowsError (the database cannot take them), ScanError (readers are killed again and again, or the
    connection was lost) and psycopg.Error.
    """
    with connect("icdm-extract annotate") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        check_identifiers(connection, identifiers.stored_under)
        _forget_gone(connection)
        counts = AnnotationCounts()
        threshold = DEFAULT_FRACTIONAL_THRESHOLD if fractional_threshold is None else fractional_threshold
        sources = [*_dicom_sources(connection, paths, threshold, fractional_threshold is not None)]
        mapped, counts.unmapped = _mapped_sources(connection, paths, mapping)
        sources += mapped
        done = 0
        settings = Settings(identifiers, threshold)
        tasks = (Task(at, sources[at : at + FILES_PER_TASK]) for at in range(0, len(sources), FILES_PER_TASK))
        try:
            # One process is enough for few files, and each costs a second to start.
            processes = min(jobs or cores(), -(-len(sources) // FILES_PER_TASK))
            if not sources:
                return counts
            with ReaderPool(partial(AnnotationReader, settings), _blame, processes) as readers:
                for allowed, task in _with_end(tasks):
                    if task is not None:
                        readers.submit(task)
                    for result in readers.results(allowed):
                        counts.add(result)
                        done = sum(counts.files.values())
                        progress(done, len(sources))
        except psycopg.OperationalError as error:
            reason = error.diag.message_primary or str(error)
            raise ScanError(f"the database ended the reading of annotations: {reason}. {KEPT}") from error
        return counts


def _with_end(tasks: Iterator[Task[Source]]) -> Iterator[tuple[int | None, Task[Source] | None]]:
    yield from ((None, task) for task in tasks)
    yield 0, None


def _forget_gone(connection: AnyConnection) -> None:
    """Delete what was read from files that are gone, or are no annotation any more."""
    connection.execute(
        """
        delete from icdm_raw.annotation_file
        where not exists (
            select from icdm_raw.instance
            where instance.folder_key = annotation_file.folder_key and instance.file_name = annotation_file.file_name
              and instance.removed_run_id is null
        ) and not exists (
            select from icdm_raw.rejected_file
            where rejected_file.folder_key = annotation_file.folder_key
              and rejected_file.file_name = annotation_file.file_name
              and rejected_file.removed_run_id is null
        )
        """
    )
    connection.commit()


# What a file must be to be read: not read in its present state, or waiting for a series that is there now.
_WAITS = """
    (
        known.folder_key is null
        or known.file_size <> found.file_size
        or known.modification_time_ns <> found.modification_time_ns
        or known.reading not like %(reading)s
        or exists (
            select from icdm_raw.series
            inner join icdm_raw.instance using (series_key)
            where series.series_instance_uid = known.missing_series_uid and instance.removed_run_id is null
        )
    )
"""


def _dicom_sources(
    connection: AnyConnection, paths: Sequence[Path], threshold: float, is_given: bool
) -> Iterator[Source]:
    reading = f"{READING_VERSION}; fractional {threshold:g}"
    for root, below, file_name in _places(connection, paths):
        rows = connection.execute(
            f"""
            select found.folder_key, found.file_name, found.file_size, found.modification_time_ns, folder.folder,
                header.sop_class_uid, header.patient_key
            from icdm_raw.header
            inner join icdm_raw.instance as found using (series_key, header_key)
            inner join icdm_raw.folder on found.folder_key = folder.folder_key
            left join icdm_raw.annotation_file as known
                on found.folder_key = known.folder_key and found.file_name = known.file_name
            where (header.sop_class_uid = any(%(classes)s) or header.sop_class_uid like %(reports)s)
              and found.removed_run_id is null and {_IN_PLACE} and {_WAITS}
            order by folder.folder, found.file_name
            """.encode(),
            {
                "classes": list(FORMS),
                "reports": f"{REPORTS}%",
                "reading": reading if is_given else f"{READING_VERSION};%",
                **_in_place(root, below, file_name),
            },
        ).fetchall()
        connection.commit()
        for folder_key, name, size, modified, folder, sop_class_uid, patient_key in rows:
            form = FORMS.get(sop_class_uid, REPORT)
            yield Source(folder_key, name, size, modified, root.path, folder, form, patient_key, reading=reading)


def _mapped_sources(
    connection: AnyConnection, paths: Sequence[Path], mapping: Mapping | None
) -> tuple[list[Source], int]:
    sources, unmapped = [], 0
    for root, below, file_name in _places(connection, paths):
        reading = f"{READING_VERSION}; mapping {mapping.fingerprint}" if mapping else ""
        rows = connection.execute(
            f"""
            select found.folder_key, found.file_name, found.file_size, found.modification_time_ns, folder.folder,
                known.folder_key is not null, {_WAITS}
            from icdm_raw.rejected_file as found
            inner join icdm_raw.folder on found.folder_key = folder.folder_key
            left join icdm_raw.annotation_file as known
                on found.folder_key = known.folder_key and found.file_name = known.file_name
            where found.outcome = 'ignored' and found.reason = 'not DICOM'
              and found.removed_run_id is null and {_IN_PLACE}
            order by folder.folder, found.file_name
            """.encode(),
            {"reading": reading, **_in_place(root, below, file_name)},
        ).fetchall()
        connection.commit()
        for folder_key, name, size, modified, folder, is_known, waits in rows:
            # A mapping speaks of paths below the folder that the command names.
            relative = f"{folder}/{name}"[len(below) :].lstrip("/")
            entry = mapping.entry(relative) if mapping else None
            if entry is None:
                unmapped += not is_known and relative.lower().endswith(LABEL_MAP_SUFFIXES)
            elif waits:
                form = LABEL_MAP if isinstance(entry, LabelMapEntry) else TABLE
                sources.append(
                    Source(folder_key, name, size, modified, root.path, folder, form, entry=entry, reading=reading)
                )
    return sources, unmapped


_IN_PLACE = """
    folder.root_id = %(root)s
    and (%(file)s::text is null or found.file_name = %(file)s)
    and (
        folder.folder = %(below)s
        or (
            %(file)s::text is null
            and (
                %(below)s = ''
                or substr(folder.folder, 1, length(%(below)s) + 1) = %(below)s || '/'
            )
        )
    )
"""


def _in_place(root: Root, below: str, file_name: str | None) -> dict[str, Any]:
    return {"root": root.root_id, "below": below, "file": file_name}


def _places(connection: AnyConnection, paths: Sequence[Path]) -> list[tuple[Root, str, str | None]]:
    """Return the places of the paths as root, folder below it, and file name where a path is a file.

    The members of a zip archive lie in a folder of its name.
    """
    known = roots(connection)
    connection.commit()
    places: list[tuple[Root, str, str | None]] = []
    for path in paths:
        absolute = os.path.realpath(path)
        if Path(absolute).is_dir():
            places += [(root, below, None) for root, below in parts_of(storable(absolute), known)]
        else:
            folder, name = os.path.split(absolute)
            inside = inner_folder(folder, name)
            places += [(root, _below(folder, root), storable(name)) for root in known if holds(root.path, folder)]
            places += [(root, _below(inside, root), None) for root in known if holds(root.path, folder)]
    return places


def _below(folder: str, root: Root) -> str:
    relative = os.path.relpath(storable(folder), root.path)
    return "" if relative == "." else relative


def _blame(source: Source) -> Source:
    """Return a file that kills its reader, not to be read; without its modification time the next run tries again."""
    return source._replace(modification_time_ns=0, problem=KILLED)


class AnnotationReader:
    """Reads annotation files and writes their rows, each file in a transaction, in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def connection(self) -> AnyConnection:
        # Made by the first task, since a task can say why it fails and the start of a process cannot.
        return connect("icdm-extract annotation reader")

    @cached_property
    def scanned(self) -> ScannedSeriesOfDatabase:
        return ScannedSeriesOfDatabase(self.connection)

    @cached_property
    def read_form(self) -> FormReader:
        # What measures masks takes a second to import, which nobody else needs to wait for.
        from extract.annotations.forms import read

        return read

    def read(self, task: Task[Source], position: Position) -> AnnotationCounts:
        """Read a task's files and write their rows."""
        counts = AnnotationCounts()
        read_form = self.read_form  # before any file, which is not to be blamed for what is not installed
        for position.value, source in enumerate(task.files):
            self._read_file(source, read_form, counts)
        return counts

    def _read_file(self, source: Source, read_form: FormReader, counts: AnnotationCounts) -> None:
        self.scanned.begin_file(source.patient_key)
        context = ReadContext(self.settings.identifiers, self.scanned, (), self.settings.fractional_threshold)
        found, waits = AnnotationFile([]), False
        outcome, reason, detail = "read", None, None
        try:
            if source.problem:
                raise AnnotationError("kills its reader", source.problem)
            with file_in_place(source.root_path, source.folder, source.file_name) as path, cpu_limit(CPU_SECONDS):
                found = read_form(path, source.form, source.entry, context)
                waits = found.needs_series
        except NotAnAnnotationError as nothing:
            outcome, reason = "no annotation", str(nothing)
        except AnnotationError as refused:
            outcome, reason, detail = "refused", *(*refused.args, None)[:2]
            waits = isinstance(refused, SeriesNotScannedError)
        except ArchiveError as broken:
            outcome, reason, detail = "refused", "cannot be read in its archive", str(broken)
        except LimitError as limit:
            outcome, reason, detail = "refused", "exceeds a limit", str(limit)
        except MemoryError:
            outcome, reason, detail = "refused", "exceeds a limit", "more memory than there is"
        except OSError as error:
            if error.errno is None:
                outcome, reason, detail = "refused", "cannot be parsed", type(error).__name__
            else:
                # Without its modification time the file is tried again by the next run.
                source = source._replace(modification_time_ns=0)
                outcome, reason, detail = "refused", "cannot be opened", os.strerror(error.errno)
        except psycopg.Error:
            raise
        except Exception as error:
            # Bytes that are no valid data set raise almost anything; messages would quote values.
            outcome, reason, detail = "refused", "cannot be parsed", type(error).__name__
        missing = self.scanned.missing[0] if waits and self.scanned.missing else None
        write_annotations(
            self.connection,
            AnnotationFileRow(
                source.folder_key,
                source.file_name,
                source.file_size,
                source.modification_time_ns,
                source.reading,
                source.form,
                outcome,
                reason,
                detail,
                missing,
            ),
            found.annotations,
        )
        counts.files[source.form, outcome, reason or ""] += 1
        counts.annotations[source.form] += len(found.annotations)
        counts.unmeasured += sum(annotation.problem is not None for annotation in found.annotations)
        counts.masked += context.values_masked
