"""The person crosswalk: which person of the OMOP CDM a PatientID is, by a file of the site or by PERSON itself."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from psycopg import sql
from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedFunction, UndefinedTable

from extract.connection import connect
from extract.crosswalk_file import CrosswalkFile, CrosswalkRowsError, CrosswalkSettingsError
from extract.identifiers import Identifiers
from extract.raw_database import AnyConnection, check_identifiers, ensure_schema, lock_scan

LARGEST_ID = 2**63 - 1
LARGEST_SHIFT = 365_000  # a thousand years: beyond it dates leave the calendar
SHOWN = 10  # lines and persons of one refused id
PERSONS_AT_A_TIME = 10_000

REQUIRED = ("patient_id", "person_id")
OPTIONAL = ("issuer_of_patient_id", "date_shift_days")


class Entry(NamedTuple):
    """What a source says: this id is this person. `person_id` is None where the source has none that can be one."""

    line_number: int | None
    patient_id: str
    issuer: str
    person_id: int | None
    date_shift_days: int | None


@dataclass(frozen=True)
class LoadSummary:
    """What became of the rows of a source, and a line for each id that is refused."""

    load_id: int
    rows_loaded: int
    rows_refused: int
    rows_skipped: int
    refusals: list[str]


def load_csv(path: Path, identifiers: Identifiers) -> tuple[LoadSummary, list[str]]:
    """Replace the crosswalk's rows of origin csv by those of a file; returns also the names of columns not used.

    Raises CrosswalkSettingsError (a column is missing), CrosswalkRowsError (rows cannot be understood; nothing is
    loaded), RawDatabaseError (another key, mode or rule, or another scan runs) and OSError.
    """
    with path.open("rb") as binary:
        file = CrosswalkFile(binary, path, REQUIRED, OPTIONAL)
        return _load("csv", str(path), file.rows(_entry), identifiers), file.unused


def load_omop(schema: str, identifiers: Identifiers) -> LoadSummary:
    """Replace the crosswalk's rows of origin omop by what PERSON of a schema says; the schema is only read.

    Raises CrosswalkSettingsError (the schema, the table or one of its two columns is missing), CrosswalkRowsError
    (the table is empty) and RawDatabaseError (another key, mode or rule, or another scan runs).
    """
    with connect("icdm-extract crosswalk reader") as reader:
        reader.read_only = True
        with reader.cursor(name="persons") as persons:
            persons.itersize = PERSONS_AT_A_TIME
            # Some databases keep ids as numeric; 0 and below stand for nobody.
            query = sql.SQL(
                "select case when person_id between 1 and {largest} and person_id % 1 = 0 then person_id::bigint end,"
                " coalesce(person_source_value::text, '') from {table}"
            ).format(largest=LARGEST_ID, table=sql.Identifier(schema, "person"))
            try:
                persons.execute(query)
            except (InvalidSchemaName, UndefinedTable, UndefinedColumn, UndefinedFunction) as error:
                raise CrosswalkSettingsError(
                    f"{error.diag.message_primary}. Schema {schema} must have the table person with a numeric "
                    "person_id and with person_source_value; name your OMOP CDM's by --omop-schema, or by the variable "
                    "omop_schema in dbt_project.yml."
                ) from error
            entries = (Entry(None, source_value, "", person_id, None) for person_id, source_value in persons)
            return _load("omop", f"{schema}.person", entries, identifiers)


def _entry(line: int, cells: Mapping[str, str]) -> Entry:
    if not cells["patient_id"]:
        raise ValueError("patient_id is empty; fill it in, or remove the row")
    shift = cells.get("date_shift_days", "")
    return Entry(
        line,
        cells["patient_id"],
        cells.get("issuer_of_patient_id", ""),
        whole_number("person_id", cells["person_id"], 1, LARGEST_ID),
        whole_number("date_shift_days", shift, -LARGEST_SHIFT, LARGEST_SHIFT) if shift else None,
    )


def whole_number(column: str, text: str, smallest: int, largest: int) -> int:
    """Return a cell's number. Raises ValueError, which does not quote the cell, where it is none of that range."""
    number = int(text) if re.fullmatch("[+-]?[0-9]{1,19}", text) else None
    if number is None or not smallest <= number <= largest:
        raise ValueError(f"{column} is no whole number from {smallest} to {largest}; correct it, or remove the row")
    return number


def _load(origin: str, source: str, entries: Iterable[Entry], identifiers: Identifiers) -> LoadSummary:
    with connect("icdm-extract crosswalk") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        with connection.transaction():
            check_identifiers(connection, identifiers.stored_under)
            taken, nobody, skipped = _copy(connection, entries, identifiers)
            if not taken + nobody + skipped:
                raise CrosswalkRowsError(f"{source} holds no row; the crosswalk is left as it was")
            _replace(connection, origin)
            refusals, refused = _refusals(connection, origin)
            if nobody:
                refusals.insert(0, f"{nobody:,} rows have a person_id that is no whole number from 1")
            counts = (taken - refused, refused + nobody, skipped)
            load_id = record_load(connection, "person", origin, identifiers, counts)
    return LoadSummary(load_id, *counts, [f"{source}: {refusal}" for refusal in refusals])


def record_load(
    connection: AnyConnection, kind: str, origin: str, identifiers: Identifiers | None, counts: tuple[int, int, int]
) -> int:
    """Record a load of a crosswalk, with its rows loaded, refused and skipped, and return its number.

    `identifiers` is None where it holds none.
    """
    stored_under = (None, None) if identifiers is None else (identifiers.mode, identifiers.key_check)
    row = connection.execute(
        "insert into icdm_raw.crosswalk_load"
        " (kind, origin, identifiers, key_check, rows_loaded, rows_refused, rows_skipped)"
        " values (%s, %s, %s, %s, %s, %s, %s) returning load_id",
        (kind, origin, *stored_under, *counts),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _copy(connection: AnyConnection, entries: Iterable[Entry], identifiers: Identifiers) -> tuple[int, int, int]:
    """Copy the entries into a table of the session; returns how many, how many of nobody, how many without an id."""
    taken = nobody = skipped = 0
    connection.execute(
        "create temporary table incoming_person (line_number bigint, patient_key text, patient_issuer_key text,"
        " person_id bigint, date_shift_days integer) on commit drop"
    )
    with connection.cursor() as cursor, cursor.copy("copy incoming_person from stdin") as copy:
        for entry in entries:
            patient_key = identifiers.patient_key(entry.patient_id)
            if patient_key is None:
                skipped += 1
            elif entry.person_id is None:
                nobody += 1
            else:
                taken += 1
                issuer_key = identifiers.patient_issuer_key(entry.patient_id, entry.issuer) if entry.issuer else None
                copy.write_row((entry.line_number, patient_key, issuer_key, entry.person_id, entry.date_shift_days))
    return taken, nobody, skipped


def _replace(connection: AnyConnection, origin: str) -> None:
    """An id means one person with one shift of dates, else nobody; how many persons it was given stays to be seen."""
    connection.execute("delete from icdm_raw.person_crosswalk where origin = %s", (origin,))
    connection.execute(
        """
        insert into icdm_raw.person_crosswalk
        select
            %s, patient_key, patient_issuer_key,
            case when count(distinct (person_id, date_shift_days)) = 1 then min(person_id) end,
            count(distinct person_id),
            case when count(distinct (person_id, date_shift_days)) = 1 then min(date_shift_days) end
        from incoming_person
        group by patient_key, patient_issuer_key
        """,
        (origin,),
    )


def _refusals(connection: AnyConnection, origin: str) -> tuple[list[str], int]:
    """Return a line for each refused id, never the id, and the number of their rows."""
    found = connection.execute(
        """
        select
            count(*),
            array_agg(incoming.line_number order by incoming.line_number)
                filter (where incoming.line_number is not null),
            array_agg(distinct incoming.person_id),
            array_agg(distinct coalesce(incoming.date_shift_days::text, 'none'))
        from incoming_person as incoming
        inner join icdm_raw.person_crosswalk as refused
            on refused.origin = %s and refused.person_id is null and incoming.patient_key = refused.patient_key
            and incoming.patient_issuer_key is not distinct from refused.patient_issuer_key
        group by refused.patient_key, refused.patient_issuer_key
        order by min(incoming.line_number), min(incoming.person_id)
        """,
        (origin,),
    ).fetchall()
    refusals = []
    for _, lines, persons, shifts in found:
        place = f"lines {shown(lines)}" if lines else "person_source_value"
        what = f"persons {shown(persons)}" if len(persons) > 1 else f"date_shift_days {shown(shifts)}"
        refusals.append(f"{place}: one id with {what}")
    return refusals, sum(count for count, *_ in found)


def shown(values: Sequence[object]) -> str:
    """Return the first values in a row, and how many more there are."""
    more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
    return ", ".join(map(str, values[:SHOWN])) + more
