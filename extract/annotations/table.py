"""Tables of labelling tools: CSV, TSV, JSON, JSON lines and Parquet, read as a mapping says (see `mapping`).

A row is an annotation, and its number that of the row, from 1. Rows are read one after another; what cannot be taken of
a row is said in its `problem`, with the row's number and never with a cell.
"""

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, cast, get_args

import pyarrow
import pyarrow.parquet

from extract.annotations.annotation import (
    Annotation,
    AnnotationError,
    AnnotationFile,
    Generation,
    NotAnAnnotationError,
    Value,
)
from extract.annotations.context import ReadContext
from extract.annotations.mapping import FIELDS, MEASURES, SERIES_GROUP, Column, TableEntry, is_uid
from extract.crosswalk_file import DELIMITERS
from extract.header import coded_concept

TEXT = "AnnotationText"
#: A reader is one of a few; a column with more names is none of readers, and each of them would be masked everywhere.
MOST_READERS = 1_000
#: All annotations of a file are in memory before they are stored, at some 2 KB each.
MOST_ROWS = 400_000
#: JSON is read as a whole, at some ten times its size in memory.
LARGEST_JSON = 64 * 2**20

_BATCH = 1_000
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GENERATIONS = frozenset(get_args(Generation))


@dataclass
class _Row:
    """One row: cells by column as text, '' where there is none; `problem` where it is no row of the table."""

    number: int
    cells: dict[str, str]
    problem: str | None = None


def read(path: Path, context: ReadContext, entry: TableEntry) -> AnnotationFile:
    """Read a table. Raises AnnotationError (it is no such table) and NotAnAnnotationError (it has no rows)."""
    context.also_identifying(_readers(path, entry))
    table = _Table(context, entry)
    annotations = []
    for row in _rows(path, entry):
        if row.number > MOST_ROWS:
            raise AnnotationError("the table has too many rows", f"more than {MOST_ROWS:,}; part it into several files")
        annotations.append(table.annotation(row))
    if not annotations:
        raise NotAnAnnotationError("the table has no rows")
    return AnnotationFile(annotations, table.needs_series)


class _Table:
    """Makes annotations of rows."""

    def __init__(self, context: ReadContext, entry: TableEntry) -> None:
        self.needs_series = False
        self._context, self._entry = context, entry
        self._always = context.identifying
        self._problems: list[str] = []

    def annotation(self, row: _Row) -> Annotation:
        """Return the row's annotation. What identifies somebody in it is masked in its own text."""
        if row.problem:
            return Annotation(row.number, problem=f"row {row.number}: {row.problem}")
        self._problems = []
        told = dict(self._entry.constants)
        values = []
        identifying: list[str] = []
        for name, columns in self._entry.columns.items():
            cell = row.cells.get(name, "")
            if not cell or cell in self._entry.missing:
                continue
            for column in columns:
                if column.attribute == "identifying":
                    identifying.append(cell)
                elif column.attribute in FIELDS:
                    told[column.attribute] = cell
                else:
                    values.append((column, cell))
        self._context.identifying = (*self._always, *(("id", one) for one in identifying))
        annotation = self._described(row.number, told)
        annotation.values = [self._value(column, cell, row) for column, cell in values]
        if self._problems:
            annotation.problem = f"row {row.number}: " + "; ".join(self._problems)
        self._context.identifying = self._always
        return annotation

    def _described(self, number: int, told: dict[str, str]) -> Annotation:
        text = self._context.text
        image = self._uid(told, "sop_instance_uid")
        return Annotation(
            number,
            label=text(told.get("label")),
            finding_code=self._code(told, "finding"),
            site_code=self._code(told, "site"),
            laterality_code=self._code(told, "laterality"),
            category_code=text(told.get("category_code")),
            tracking_id=text(told.get("tracking_id")),
            tracking_uid=self._uid(told, "tracking_uid"),
            study_instance_uid=self._uid(told, "study_instance_uid"),
            series_instance_uid=self._series(told, image),
            annotated_at=self._moment(told),
            generation=self._generation(told.get("generation")),
            algorithm_name=text(told.get("algorithm_name")),
            annotation_system=text(told.get("annotation_system")),
            annotator_key=self._context.annotator_key(told.get("annotator", "")),
            images=frozenset({image} if image else ()),
        )

    def _code(self, told: dict[str, str], name: str) -> str | None:
        """Return a code as it is given, else a wording as the meaning of none."""
        return self._context.text(told.get(f"{name}_code") or coded_concept("", "", told.get(name, "")))

    def _uid(self, told: dict[str, str], name: str) -> str | None:
        text = told.get(name)
        if text and not is_uid(text):
            self._problems.append(f"{name} is no UID")
            return None
        return text

    def _series(self, told: dict[str, str], image: str | None) -> str | None:
        if SERIES_GROUP in told:
            return self._uid(told, SERIES_GROUP)
        if image:
            series = self._context.scanned.series_of(image)
            if series is None:
                self.needs_series = True
                self._problems.append("its image is not scanned, so the series is not known")
            return series
        if self._entry.series_instance_uid is None:
            self._problems.append("nothing tells its series")
        return self._entry.series_instance_uid

    def _moment(self, told: dict[str, str]) -> datetime | None:
        """Return when it was annotated, local time as written: of one column, or of a date and a time."""
        moment, day, hour = (told.get(name, "") for name in ("annotated_at", "date", "time"))
        form = self._entry.date_format
        try:
            if moment:
                parsed = datetime.strptime(moment, form) if form else datetime.fromisoformat(moment)
                return parsed.replace(tzinfo=None)
            if day:
                on = datetime.strptime(day, form).date() if form else date.fromisoformat(day)
                return datetime.combine(on, time.fromisoformat(hour).replace(tzinfo=None) if hour else time())
        except ValueError:
            self._problems.append(f"the date or time is not {f'of the form {form}' if form else 'as ISO 8601 has it'}")
        return None

    def _generation(self, text: str | None) -> Generation | None:
        if not text:
            return None
        if text.upper() not in _GENERATIONS:
            self._problems.append(f"generation is none of {', '.join(get_args(Generation))}")
            return None
        return cast(Generation, text.upper())

    def _value(self, column: Column, cell: str, row: _Row) -> Value:
        name = column.attribute
        unit = row.cells.get(column.unit_column, "") if column.unit_column else column.unit
        number = None if name == TEXT else self._number(cell)
        if number is None:
            if name in MEASURES or column.unit or column.unit_column:
                self._problems.append(f"{name} is no number")
            cell = self._context.text(cell) or ""
        return Value(name, cell, number, self._context.text(unit))

    def _number(self, text: str) -> float | None:
        if self._entry.decimal_mark == ",":
            text = text.replace(".", "?").replace(",", ".")
        number = float(text) if _NUMBER.fullmatch(text) else math.inf
        return number if math.isfinite(number) else None


def _readers(path: Path, entry: TableEntry) -> list[str]:
    """Return the names of all who read, since each may be named in a text of another one's row.

    Raises AnnotationError where there are more than a table can have.
    """
    columns = [name for name, told in entry.columns.items() if any(one.attribute == "annotator" for one in told)]
    names = dict.fromkeys(filter(None, [entry.constants.get("annotator")]))
    for row in _rows(path, entry) if columns else ():
        names |= dict.fromkeys(filter(None, (row.cells.get(column) for column in columns)))
        if len(names) > MOST_READERS:
            raise AnnotationError(
                "the column of readers names too many",
                f"more than {MOST_READERS:,} by row {row.number}; map the column that holds the reader to annotator",
            )
    return list(names)


def _rows(path: Path, entry: TableEntry) -> Iterator[_Row]:
    """Yield the rows that are not blank. Raises AnnotationError."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _csv_rows(path, entry, "\t" if suffix == ".tsv" else None)
    if suffix == ".json":
        return _records(_json(path, entry), entry)
    if suffix == ".jsonl":
        return _records(_json_lines(path), entry)
    if suffix == ".parquet":
        return _records(_parquet(path, entry), entry)
    raise AnnotationError("the suffix is of no form of table", "name it .csv, .tsv, .json, .jsonl or .parquet")


def _csv_rows(path: Path, entry: TableEntry, delimiter: str | None) -> Iterator[_Row]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = entry.delimiter or delimiter or _delimiter(file.readline(), entry)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_columns(header, entry)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                number += 1
                problem = f"{len(cells)} cells where the first line names {len(header)}"
                yield _Row(
                    number,
                    {name: cell.strip().replace("\0", "") for name, cell in zip(header, cells, strict=False)},
                    problem if len(cells) != len(header) else None,
                )
    except UnicodeDecodeError as error:
        raise AnnotationError("the table is not UTF-8", f"near row {number + 1}; save it as UTF-8") from error
    except csv.Error as error:
        raise AnnotationError("the table is no CSV", f"row {number + 1}: {error}; check its quotes") from error


def _delimiter(header: str, entry: TableEntry) -> str:
    """Return what parts the header into the most columns of the mapping."""

    def found(delimiter: str) -> int:
        names = next(csv.reader([header], delimiter=delimiter), [])
        return len({name.strip() for name in names}.intersection(entry.columns))

    return max(DELIMITERS, key=found)


def _check_columns(names: list[str], entry: TableEntry) -> None:
    used = [*entry.columns, *(one.unit_column for told in entry.columns.values() for one in told if one.unit_column)]
    if missing := [name for name in dict.fromkeys(used) if name not in names]:
        raise AnnotationError("the table lacks columns of the mapping", ", ".join(missing))
    if twice := [name for name in dict.fromkeys(used) if names.count(name) > 1]:
        raise AnnotationError("columns of the mapping stand twice in the table", ", ".join(twice))


def _records(records: Iterator[Any], entry: TableEntry) -> Iterator[_Row]:
    """Yield rows of nested records. A column that none of them has is told at the end: it may be misspelt."""
    unseen = dict.fromkeys(entry.columns)
    number = 0
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            yield _Row(number, {}, "it is no JSON object")
            continue
        cells = {}
        for name in _used(entry):
            value = _found(record, name)
            if value is not None:
                unseen.pop(name, None)
            cells[name] = _as_text(value)
        yield _Row(number, cells)
    if number and unseen:
        raise AnnotationError("the table lacks columns of the mapping", ", ".join(unseen))


def _used(entry: TableEntry) -> list[str]:
    units = (one.unit_column for told in entry.columns.values() for one in told if one.unit_column)
    return list(dict.fromkeys([*entry.columns, *units]))


def _found(record: Any, name: str) -> Any:
    """Return what a record has under a name, or deeper where it has dots."""
    if not isinstance(record, dict):
        return None
    if name in record:
        return record[name]
    first, dot, rest = name.partition(".")
    while dot:
        if first in record and (found := _found(record[first], rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        first = f"{first}.{more}"
    return None


def _as_text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip().replace("\0", "")


def _json(path: Path, entry: TableEntry) -> Iterator[Any]:
    if path.stat().st_size > LARGEST_JSON:
        raise AnnotationError(
            "the JSON file is too large to be read as a whole",
            f"over {LARGEST_JSON // 2**20} MiB; write it as JSON lines (.jsonl), a row in each",
        )
    try:
        found = _parsed(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise AnnotationError("the file is no JSON in UTF-8", f"byte or line {_place(error)}") from error
    if entry.records:
        found = _found(found, entry.records)
        if found is None:
            raise AnnotationError("the file lacks the list of records of the mapping", entry.records)
    return iter(found if isinstance(found, list) else [found])


def _json_lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            if line.strip():
                try:
                    yield _parsed(line)
                except ValueError:
                    yield None


def _parsed(text: str) -> Any:
    """Return JSON with its numbers as they are written."""
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=lambda _: None)


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return str(error.lineno)
    return str(error.start) if isinstance(error, UnicodeDecodeError) else "unknown"


def _parquet(path: Path, entry: TableEntry) -> Iterator[Any]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            used = {name for name in file.schema_arrow.names for one in _used(entry) if _is_within(one, name)}
            for batch in file.iter_batches(_BATCH, columns=sorted(used)):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise AnnotationError("the file is no Parquet that can be read", type(error).__name__) from error


def _is_within(name: str, column: str) -> bool:
    return name == column or name.startswith(f"{column}.")
