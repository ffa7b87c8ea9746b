"""The crosswalks of procedures and reports: which events of the OMOP CDM an accession or a study belongs to.

One accession may be several events, and one event several accessions or studies: nothing is ambiguous here. Whether an
event is there, and of the study's own patient, is for the models to say.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from psycopg import sql
from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedFunction, UndefinedTable

from extract.connection import connect
from extract.crosswalk import LARGEST_ID, LoadSummary, record_load, whole_number
from extract.crosswalk_file import CrosswalkFile, CrosswalkRowsError, CrosswalkSettingsError
from extract.identifiers import Identifiers
from extract.raw_database import AnyConnection, check_identifiers, ensure_schema, lock_scan

#: The column of OMOP that identifies the events of each kind.
ID_COLUMNS: Mapping[str, str] = {"procedure": "procedure_occurrence_id", "note": "note_id"}
KEYS = ("accession_number", "study_instance_uid")
ROWS_AT_A_TIME = 10_000


class Entry(NamedTuple):
    """What a source says: this accession, or this study, is this event (None where the id can be none)."""

    accession_number: str
    study_instance_uid: str
    event_id: int | None


def load_csv(kind: str, path: Path, identifiers: Identifiers) -> tuple[LoadSummary, list[str]]:
    """Replace the crosswalk's rows of origin csv by those of a file; returns also the names of columns not used.

    `kind` is procedure or note. A row is about the study with its study_instance_uid or, without one, about all studies
    with its accession_number. Raises CrosswalkSettingsError (a column is missing), CrosswalkRowsError (rows cannot be
    understood; nothing is loaded), RawDatabaseError (another key, mode or rule, or another scan runs) and OSError.
    """
    id_column = ID_COLUMNS[kind]

    def entry(_: int, cells: Mapping[str, str]) -> Entry:
        accession, study = (cells.get(name, "") for name in KEYS)
        if not accession and not study:
            raise ValueError(f"{' and '.join(KEYS)} are both empty; fill one in, or remove the row")
        return Entry(accession, study, whole_number(id_column, cells[id_column], 1, LARGEST_ID))

    with path.open("rb") as binary:
        file = CrosswalkFile(binary, path, (id_column,), KEYS, one_of=KEYS)
        return _load(kind, "csv", str(path), file.rows(entry), identifiers), file.unused


def load_omop(kind: str, schema: str, table: str, column: str, identifiers: Identifiers) -> LoadSummary:
    """Replace the crosswalk's rows of origin omop by the accessions in a column of the CDM, which is only read.

    The table must also have the column of the event's id. Raises CrosswalkSettingsError (schema, table or column is
    missing), CrosswalkRowsError (the table is empty) and RawDatabaseError (another key, mode or rule, or another scan
    runs).
    """
    with connect("icdm-extract crosswalk reader") as reader:
        reader.read_only = True
        with reader.cursor(name="events") as events:
            events.itersize = ROWS_AT_A_TIME
            # Some databases keep ids as numeric; 0 and below stand for nothing.
            query = sql.SQL(
                "select coalesce({column}::text, ''), case when {id} between 1 and {largest} and {id} % 1 = 0"
                " then {id}::bigint end from {table}"
            ).format(
                column=sql.Identifier(column),
                id=sql.Identifier(ID_COLUMNS[kind]),
                largest=LARGEST_ID,
                table=sql.Identifier(schema, table),
            )
            try:
                events.execute(query)
            except (InvalidSchemaName, UndefinedTable, UndefinedColumn, UndefinedFunction) as error:
                raise CrosswalkSettingsError(
                    f"{error.diag.message_primary}. Schema {schema} must have the table {table} with a numeric "
                    f"{ID_COLUMNS[kind]} and with {column}, which holds the accessions; name your OMOP CDM's schema by "
                    "--omop-schema, or by the variable omop_schema in dbt_project.yml."
                ) from error
            entries = (Entry(accession, "", event_id) for accession, event_id in events)
            return _load(kind, "omop", f"{schema}.{table}.{column}", entries, identifiers)


def _load(kind: str, origin: str, source: str, entries: Iterable[Entry], identifiers: Identifiers) -> LoadSummary:
    with connect("icdm-extract crosswalk") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        with connection.transaction():
            check_identifiers(connection, identifiers.stored_under)
            taken, nothing, skipped = _copy(connection, entries, identifiers)
            if not taken + nothing + skipped:
                raise CrosswalkRowsError(f"{source} holds no row; the crosswalk is left as it was")
            crosswalk = sql.Identifier("icdm_raw", f"{kind}_crosswalk")
            connection.execute(sql.SQL("delete from {} where origin = %s").format(crosswalk), (origin,))
            connection.execute(
                sql.SQL("insert into {} select distinct %s, * from incoming_event").format(crosswalk), (origin,)
            )
            load_id = record_load(connection, kind, origin, identifiers, (taken, nothing, skipped))
    refusals = [f"{source}: {nothing:,} rows have a {ID_COLUMNS[kind]} that is no whole number from 1"]
    return LoadSummary(load_id, taken, nothing, skipped, refusals if nothing else [])


def _copy(connection: AnyConnection, entries: Iterable[Entry], identifiers: Identifiers) -> tuple[int, int, int]:
    """Copy the entries into a table of the session; returns how many, how many without an event, and without a key."""
    taken = nothing = skipped = 0
    connection.execute(
        "create temporary table incoming_event (accession_key text, study_instance_uid text, event_id bigint)"
        " on commit drop"
    )
    with connection.cursor() as cursor, cursor.copy("copy incoming_event from stdin") as copy:
        for entry in entries:
            # A study's UID says more than the accession, which several studies may have.
            study = entry.study_instance_uid or None
            accession_key = None if study else identifiers.accession_key(entry.accession_number)
            if study is None and accession_key is None:
                skipped += 1
            elif entry.event_id is None:
                nothing += 1
            else:
                taken += 1
                copy.write_row((accession_key, study, entry.event_id))
    return taken, nothing, skipped
