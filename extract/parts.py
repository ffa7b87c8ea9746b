"""Raw rows as Parquet parts: written on one machine, loaded on another.

A part is one file, complete or absent: it gets its name when it is whole. Its rows are those of schema icdm_raw, an
instance joined with its folder, series and header, so that each part stands for itself; its metadata says which scan
wrote it, under which key and attribute list. A folder of parts is also what the next scan into it knows.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from extract.identifiers import StoredUnder
from extract.known_files import RawRowsError
from extract.raw_rows import Batch, FolderRow, HeaderRow, InstanceRow, RejectedRow, SeriesRow, content_key

FORMAT = "I-CDM raw rows in Parquet, layout 1"
SUFFIX = ".parquet"
UNFINISHED = ".unfinished"
VANISHED = "vanished"

_METADATA = b"icdm"
_ARROW_TYPES = {
    int: pa.int64(),
    bool: pa.bool_(),
    str: pa.string(),
    datetime: pa.timestamp("us"),
}
# Numbers that one database gives to what is named here.
_NUMBERED = ("root_id", "folder_key", "run_id", "layout_id")


class PartError(RawRowsError):
    """A part or manifest is missing, damaged or of another release; the message names it."""


class PartWriteError(RuntimeError):
    """A part cannot be written; what was complete before stays."""


@dataclass(frozen=True)
class Shard:
    """The files that one of several scans of an archive takes: `number` of `of`, from 1."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}of{self.of}"

    def takes(self, folder: str, name: str) -> bool:
        """Tell whether a file belongs to this shard, by its path below the root and nothing else."""
        return content_key(folder, name) % self.of == self.number - 1


@dataclass(frozen=True)
class ScanOfParts:
    """What every part of a scan says of it."""

    scan: str
    started_at: datetime
    shard: Shard
    paths: list[str]
    extractor_version: str
    fingerprint: str
    reading_version: int
    instance_attributes: list[str]
    identifiers: str
    key_check: str | None
    roots: dict[str, str] = field(default_factory=dict)  # path by name

    @property
    def stored_under(self) -> StoredUnder:
        return StoredUnder(self.identifiers, self.key_check)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"format": FORMAT, "started_at": self.started_at.isoformat()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ScanOfParts":
        """Raises ValueError, KeyError or TypeError where the values are not those of to_json."""
        fields = dict(values)
        if fields.pop("format") != FORMAT:
            raise ValueError
        fields["started_at"] = datetime.fromisoformat(fields["started_at"])
        fields["shard"] = Shard(**fields["shard"])
        return cls(**fields)


def _arrow_type(hint: Any) -> pa.DataType:
    if get_origin(hint) is list:
        return pa.list_(pa.string())
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return _ARROW_TYPES[kinds[0] if kinds else hint]


def _schema() -> pa.Schema:
    columns = {"outcome": pa.string(), "root_name": pa.string()}
    for row_type in (FolderRow, InstanceRow, RejectedRow, SeriesRow, HeaderRow):
        columns |= {name: _arrow_type(hint) for name, hint in get_type_hints(row_type).items() if name not in _NUMBERED}
    return pa.schema(columns)


SCHEMA = _schema()
IDENTITY = ["outcome", "root_name", "folder", "file_name", "file_size", "modification_time_ns", "reason"]


class PartWriter:
    """Writes one part; nothing bears its name before it is complete. Raises PartWriteError where the disk is full."""

    def __init__(self, directory: Path, scan: ScanOfParts, number: int) -> None:
        self.path = directory / f"{scan.scan}-{number:06}{SUFFIX}"
        self.unfinished = self.path.with_suffix(UNFINISHED)
        with self._named_errors():
            self.file: BinaryIO = self.unfinished.open("wb")
        schema = SCHEMA.with_metadata({_METADATA: json.dumps(scan.to_json())})
        self.writer = pq.ParquetWriter(self.file, schema, compression="zstd")

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows; columns that a row lacks are null."""
        table = pa.Table.from_pylist(list(rows), SCHEMA)
        with self._named_errors():
            self.writer.write_table(table)

    def complete(self) -> None:
        """Give the part its name, after all of it is on the disk."""
        with self._named_errors():
            self.writer.close()
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            self.unfinished.rename(self.path)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.unfinished.unlink(missing_ok=True)
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise PartWriteError(f"{self.path.parent} cannot be written: {reason}") from error


def rows_of(batch: Batch, root_names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part for those of a batch."""
    for instance in batch.instances:
        folder = batch.folders[instance.folder_key]
        series = batch.series[instance.series_key]
        header = batch.headers[instance.series_key, instance.header_key]
        joined = header._asdict() | series._asdict() | instance._asdict()
        yield joined | {"outcome": "read", "root_name": root_names[folder.root_id], "folder": folder.folder}
    for rejected in batch.rejected:
        folder = batch.folders[rejected.folder_key]
        yield rejected._asdict() | {"root_name": root_names[folder.root_id], "folder": folder.folder}


def batch_of(rows: Iterable[dict[str, Any]], root_ids: Mapping[str, int], run_id: int, layout_id: int) -> Batch:
    """Return the rows of a part as a batch, numbered as one database has it; those of vanished files are left out."""
    batch = Batch(run_id, layout_id)
    for row in rows:
        if row["outcome"] == VANISHED:
            continue
        folder_key = batch.add_folder(root_ids[row["root_name"]], row["folder"])
        numbers = {"folder_key": folder_key, "run_id": run_id, "layout_id": layout_id}
        if row["outcome"] == "read":
            batch.series.setdefault(row["series_key"], _row(SeriesRow, row))
            batch.headers.setdefault((row["series_key"], row["header_key"]), _row(HeaderRow, row))
            batch.instances.append(_row(InstanceRow, row | numbers))
        else:
            batch.rejected.append(_row(RejectedRow, row | numbers))
    return batch


def _row(row_type: Any, values: Mapping[str, Any]) -> Any:
    return row_type(*(values[name] for name in row_type._fields))


def scan_of(path: Path) -> ScanOfParts:
    """Return what a part says of the scan that wrote it. Raises PartError where it is damaged or no part."""
    try:
        return ScanOfParts.from_json(json.loads(pq.read_schema(path).metadata[_METADATA]))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise PartError(f"{path} is damaged, or no part of this release; copy it again or remove it") from error


def rows_in(path: Path, columns: list[str] | None = None) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a part, some thousands at a time. Raises PartError where it is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=columns):
                yield batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise PartError(f"{path} is damaged; copy it again") from error
