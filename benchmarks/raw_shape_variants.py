"""The three ways of storing values of level instance: how each is written, and the models' text for it."""

import json
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from datetime import datetime
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import sql
from synthetic_archive import files_of_series

from extract import raw_database
from extract.attributes import AttributeList
from extract.connection import connect
from extract.header import Header
from extract.raw_database import AnyConnection, prepare_batches, write_batch
from extract.raw_rows import Batch, content_key
from extract.reader_pool import TASKS_IN_FLIGHT
from extract.walk import FoundFile

VARIANTS = ("array", "one_header", "second_header")

# The scan writes every 200 files, which cost it far more to read than to write. Here nothing is read, so with 200 the
# two processes keep meeting at the series that both hold a part of, wait for each other's commit, and empty their
# session's tables ten times as often: 1.8 times as long, and no matter of the variant.
FILES_PER_TASK = 2_000


class SecondHeaderRow(NamedTuple):
    series_key: int
    instance_header_key: int
    attributes: str


class SecondInstanceRow(NamedTuple):
    """A row of icdm_raw.instance that points to its values of level instance."""

    series_key: int
    header_key: int
    instance_header_key: int
    folder_key: int
    file_size: int
    modification_time_ns: int
    run_id: int
    instance_creation: datetime | None
    layout_id: int
    instance_number: int | None
    number_of_frames: int | None
    is_truncated: bool
    file_name: str
    sop_instance_uid: str
    image_position_patient: str | None


class SecondHeaderBatch(Batch):
    """A batch whose instances point to a second header, stored once per content and series."""

    attribute_names: tuple[str, ...] = ()

    def __init__(self, run_id: int, layout_id: int) -> None:
        super().__init__(run_id, layout_id)
        self.second_headers: dict[tuple[int, int], SecondHeaderRow] = {}
        self.pointing_instances: list[SecondInstanceRow] = []

    def add_header(self, folder_key: int, file: FoundFile, header: Header) -> None:
        super().add_header(folder_key, file, header)
        instance = self.instances.pop()._asdict()
        values = instance.pop("instance_values")
        named = {n: v for n, v in zip(self.attribute_names, values, strict=True) if v is not None}
        attributes = json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        key = content_key(attributes)
        series_key = instance["series_key"]
        self.second_headers[series_key, key] = SecondHeaderRow(series_key, key, attributes)
        self.pointing_instances.append(SecondInstanceRow(instance_header_key=key, **instance))

    def tables(self) -> Iterable[tuple[str, type[NamedTuple], Iterable[NamedTuple]]]:
        for table, row_type, rows in super().tables():
            if table == "instance":
                yield "instance_header", SecondHeaderRow, self.second_headers.values()
                yield "instance", SecondInstanceRow, self.pointing_instances
            else:
                yield table, row_type, rows


def create_tables(connection: AnyConnection, variant: str) -> None:
    """Create schema icdm_raw in the shape of a variant."""
    text = files("extract").joinpath("raw_schema.sql").read_text("utf-8")
    if variant == "second_header":
        text = _exchanged(
            text,
            {
                ",\n    instance_values text [] not null": "",
                "    header_key bigint not null,\n    folder_key bigint not null,\n": (
                    "    header_key bigint not null,\n    instance_header_key bigint not null,\n"
                    "    folder_key bigint not null,\n"
                ),
            },
        )
        text += (
            "create table icdm_raw.instance_header (series_key bigint not null, instance_header_key bigint not null,"
            " attributes jsonb not null, primary key (series_key, instance_header_key));"
        )
    connection.execute(text.encode())
    connection.execute(sql.SQL("comment on schema icdm_raw is {}").format(raw_database.SCHEMA_LAYOUT))
    connection.commit()


def change_models(project: Path, variant: str) -> None:
    """Let the models of a copy of the project read the shape of a variant: only second_header needs another text."""
    if variant != "second_header":
        return
    staging = project / "models/staging/dicom/stg_dicom__instances.sql"
    staging.write_text(_exchanged(staging.read_text(), {"instance_values": "instance_header_key"}))
    copies = project / "models/intermediate/series/int_series__copies_classed.sql"
    copies.write_text(copies.read_text().replace("instance_values", "instance_header_key"))
    collapsed = project / "models/intermediate/series/int_series__values_collapsed.sql"
    collapsed.write_text(
        _exchanged(
            collapsed.read_text(),
            {
                "layouts as (\n    select * from {{ ref('stg_dicom__header_layouts') }}": (
                    "instance_headers as (\n    select * from {{ var('raw_schema') }}.instance_header"
                ),
                "        instances.layout_id,\n        instances.instance_values,\n": (
                    "        instances.instance_header_key,\n"
                ),
                "instances.layout_id, instances.instance_values": "instances.instance_header_key",
                "    inner join layouts on counted_groups.layout_id = layouts.layout_id\n"
                "    cross join\n"
                "        lateral {{ instance_pairs('layouts.instance_attributes', "
                "'counted_groups.instance_values') }}\n"
                "            as pairs (attribute, value)\n"
                "    where pairs.value is not null\n": (
                    "    inner join instance_headers\n"
                    "        on counted_groups.series_key = instance_headers.series_key\n"
                    "            and counted_groups.instance_header_key = instance_headers.instance_header_key\n"
                    "    cross join lateral {{ header_pairs('instance_headers.attributes') }}\n"
                    "        as pairs (attribute, value)\n"
                ),
            },
        )
    )


def _exchanged(text: str, exchanges: dict[str, str]) -> str:
    for old, new in exchanges.items():
        if text.count(old) != 1:
            raise SystemExit(f"the project's text has changed, adapt the benchmark: {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text


def attributes_of(variant: str, attributes: AttributeList) -> AttributeList:
    """Return the attribute list as a variant lays it out: without a level instance where all is in one header."""
    if variant != "one_header":
        return attributes
    return AttributeList(tuple(replace(a, level="series") for a in attributes.attributes), attributes.fingerprint)


@dataclass
class LoadTimes:
    """Files written, and seconds of all processes together: inventing headers, building rows, COPY, the rest."""

    files: int = 0
    inventing: float = 0.0
    building: float = 0.0
    copying: float = 0.0
    merging: float = 0.0

    def add(self, other: "LoadTimes") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(frozen=True)
class LoadSettings:
    variant: str
    attributes: AttributeList
    run_id: int
    layout: int
    root_id: int
    revision: int


# Series, first file, end: several make one task.
Part = tuple[int, int, int]


def load(parts: Iterable[Part], settings: LoadSettings, processes: int = 2) -> LoadTimes:
    """Write the files of these series as the scan does: tasks of as many files, through a pool of processes."""
    total = LoadTimes()
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (settings,)) as pool:
        pending: set[Future[LoadTimes]] = set()
        for task in _tasks(parts):
            pending.add(pool.submit(_write_task, task))
            while len(pending) > processes * TASKS_IN_FLIGHT:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    total.add(future.result())
        for future in pending:
            total.add(future.result())
    return total


def _tasks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    task: list[Part] = []
    free = FILES_PER_TASK
    for series, start, end in parts:
        first = start
        while first < end:
            last = min(end, first + free)
            task.append((series, first, last))
            free -= last - first
            first = last
            if not free:
                yield task
                task, free = [], FILES_PER_TASK
    if task:
        yield task


class _Worker:
    def __init__(self, settings: LoadSettings) -> None:
        self.settings = settings
        self.connection = connect("icdm benchmark")
        self.copying = 0.0
        if settings.variant == "second_header":
            SecondHeaderBatch.attribute_names = tuple(a.key for a in settings.attributes.of_instance)
            raw_database.Batch = SecondHeaderBatch  # type: ignore[attr-defined]
        self.layout_attributes = attributes_of(settings.variant, settings.attributes)
        self._time_copies()
        prepare_batches(self.connection)
        if settings.variant == "second_header":
            self.connection.execute("alter table incoming_instance_header alter column attributes type text")
            self.connection.commit()

    def _time_copies(self) -> None:
        copy = raw_database._copy

        def timed(cursor: Any, table: str, row_type: type[NamedTuple], rows: Iterable[NamedTuple]) -> None:
            before = time.perf_counter()
            copy(cursor, table, row_type, rows)
            self.copying += time.perf_counter() - before

        raw_database._copy = timed

    def write(self, batch: Batch) -> None:
        if not isinstance(batch, SecondHeaderBatch):
            write_batch(self.connection, batch)
            return
        with self.connection.transaction():
            write_batch(self.connection, batch)
            self.connection.execute(
                "insert into icdm_raw.instance_header select series_key, instance_header_key, attributes::jsonb"
                " from incoming_instance_header order by series_key, instance_header_key on conflict do nothing"
            )


_worker: _Worker | None = None


def _start_worker(settings: LoadSettings) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = _Worker(settings)


def _write_task(task: list[Part]) -> LoadTimes:
    assert _worker is not None
    settings = _worker.settings
    batch_type = SecondHeaderBatch if settings.variant == "second_header" else Batch
    names = [a.key for a in settings.attributes.of_instance]
    began = time.perf_counter()
    found = [
        file
        for series, first, end in task
        for file in files_of_series(series, first, end, settings.attributes, settings.revision)
    ]
    if settings.variant == "one_header":
        found = [(folder, file, _merged(header, names)) for folder, file, header in found]
    invented = time.perf_counter()
    batch = batch_type(settings.run_id, settings.layout)
    for folder, file, header in found:
        batch.add_header(batch.add_folder(settings.root_id, folder), file, header)
    built = time.perf_counter()
    copied_before = _worker.copying
    _worker.write(batch)
    copying = _worker.copying - copied_before
    return LoadTimes(len(found), invented - began, built - invented, copying, time.perf_counter() - built - copying)


def _merged(header: Header, names: list[str]) -> Header:
    named = {n: v for n, v in zip(names, header.instance_values, strict=True) if v is not None}
    return replace(header, attributes=header.attributes | named, instance_values=[])
