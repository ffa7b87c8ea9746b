"""Write and look up the rows of schema icdm_raw; what the extractor writes is written here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from extract.identifiers import Identifiers, StoredUnder
from extract.known_files import RawRowsError
from extract.parts import ScanOfParts
from extract.raw_rows import Batch, RunCounts

SCHEMA_LAYOUT = "I-CDM raw rows, layout 4"
ONE_SCAN_LOCK = 0x1CD0001  # advisory lock: one scan or crosswalk at a time in a database
LOCK_WAIT = "2s"

AnyConnection = Connection[tuple[Any, ...]]


class RawDatabaseError(RawRowsError):
    """The database cannot take these rows; the message says why and what to do."""


def has_schema(connection: AnyConnection) -> bool:
    """Tell whether schema icdm_raw is there. Raises RawDatabaseError where it has another layout."""
    row = connection.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'icdm_raw'"
    ).fetchone()
    if row is not None and row[0] != SCHEMA_LAYOUT:
        raise RawDatabaseError(
            f"schema icdm_raw is of another release (its comment says {row[0]!r}, this one writes "
            f"{SCHEMA_LAYOUT!r}). Drop it (drop schema icdm_raw cascade) and scan again, or use that release."
        )
    return row is not None


def ensure_schema(connection: AnyConnection) -> None:
    """Create schema icdm_raw where it is absent. Raises RawDatabaseError where it has another layout."""
    if not has_schema(connection):
        connection.execute(files("extract").joinpath("raw_schema.sql").read_text("utf-8").encode())
        connection.execute(sql.SQL("comment on schema icdm_raw is {}").format(SCHEMA_LAYOUT))
    connection.commit()


def lock_scan(connection: AnyConnection) -> None:
    """Hold the one-writer lock as long as the connection lives. Raises RawDatabaseError where another one holds it."""
    try:
        with connection.transaction():
            # The server needs a moment to see that a scan just before has ended.
            connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_WAIT,))
            connection.execute("select pg_advisory_lock(%s)", (ONE_SCAN_LOCK,))
    except LockNotAvailable as error:
        raise RawDatabaseError(
            "another scan or crosswalk is writing to this database; wait until it has ended"
        ) from error


def layout_id(connection: AnyConnection, fingerprint: str, reading_version: int, instance_attributes: list[str]) -> int:
    """Return the id of an attribute list's layout: the fingerprint, and the order of instance_values."""
    connection.execute(
        "insert into icdm_raw.header_layout (fingerprint, reading_version, instance_attributes) values (%s, %s, %s)"
        " on conflict do nothing",
        (fingerprint, reading_version, instance_attributes),
    )
    row = connection.execute(
        "select layout_id from icdm_raw.header_layout where fingerprint = %s and reading_version = %s",
        (fingerprint, reading_version),
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def check_identifiers(connection: AnyConnection, stored_under: StoredUnder) -> None:
    """Raise RawDatabaseError where earlier scans or crosswalks stored identifiers under another key, mode or rule."""
    earlier = connection.execute(
        "select identifiers, key_check from icdm_raw.extract_run"
        " union select identifiers, key_check from icdm_raw.crosswalk_load where identifiers is not null"
    )
    for mode, key_check in earlier:
        if other := stored_under.difference(StoredUnder(mode, key_check)):
            raise RawDatabaseError(
                f"the earlier scans and crosswalks of this database stored identifiers under {other}; patients of old "
                "and new rows would not meet. Use the same again, or drop schema icdm_raw, scan and load anew."
            )


def start_run(
    connection: AnyConnection, paths: Sequence[str], version: str, layout: int, identifiers: Identifiers
) -> int:
    """Record a run and return its id; runs that were killed are closed as failed.

    Raises RawDatabaseError where identifiers are stored under another key, mode or rule.
    """
    _begin(connection, identifiers.stored_under)
    row = connection.execute(
        "insert into icdm_raw.extract_run (paths, extractor_version, layout_id, identifiers, key_check)"
        " values (%s, %s, %s, %s, %s) returning run_id",
        (list(paths), version, layout, identifiers.mode, identifiers.key_check),
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def start_loaded_run(connection: AnyConnection, scan: ScanOfParts, layout: int) -> int:
    """Record the run of a scan whose parts are to be loaded, or take up its run again, and return its id.

    Raises RawDatabaseError where earlier runs stored identifiers under another key or mode.
    """
    _begin(connection, scan.stored_under)
    row = connection.execute(
        "insert into icdm_raw.extract_run"
        " (scan, started_at, paths, extractor_version, layout_id, identifiers, key_check)"
        " values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (scan) do update set status = 'running', finished_at = null, message = null returning run_id",
        (
            scan.scan,
            scan.started_at,
            scan.paths,
            scan.extractor_version,
            layout,
            scan.identifiers,
            scan.key_check,
        ),
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def _begin(connection: AnyConnection, stored_under: StoredUnder) -> None:
    check_identifiers(connection, stored_under)
    connection.execute("update icdm_raw.extract_run set status = 'failed', message = 'killed' where status = 'running'")


def finish_run(
    connection: AnyConnection,
    run_id: int,
    status: str,
    counts: RunCounts,
    message: str | None,
    finished_at: datetime | None = None,
) -> None:
    """Record how a run ended: status completed or failed; now, unless it ended elsewhere before."""
    connection.execute(
        "update icdm_raw.extract_run set finished_at = coalesce(%s, now()), status = %s, files_seen = %s,"
        " files_unchanged = %s, files_read = %s, files_rejected = %s, files_ignored = %s, files_vanished = %s,"
        " values_masked = %s, message = %s,"
        " last_batch = case %s when 'completed' then (select last_value from icdm_raw.batch_id) end"
        " where run_id = %s",
        (
            finished_at,
            status,
            counts.seen,
            counts.unchanged,
            counts.read,
            counts.rejected,
            counts.ignored,
            counts.vanished,
            counts.masked,
            message,
            status,
            run_id,
        ),
    )
    connection.commit()


def prune_headers(connection: AnyConnection) -> None:
    """Delete headers that no file has any more: what a file or the seed has dropped must not stay in the database."""
    connection.execute(
        """
        delete from icdm_raw.header using icdm_raw.series
        where header.series_key = series.series_key
          and series.changed_batch > (select coalesce(max(last_batch), 0) from icdm_raw.extract_run)
          and not exists (
              select from icdm_raw.instance
              where instance.series_key = header.series_key and instance.header_key = header.header_key
                and instance.removed_run_id is null
          )
        """
    )
    connection.commit()


def write_batch(connection: AnyConnection, batch: Batch, later_runs: Sequence[int] = ()) -> None:
    """Write the rows of some files in one transaction; rows of files seen before are replaced.

    Files that one of `later_runs` has seen keep its row: their rows here are older.
    """
    with connection.transaction(), connection.cursor() as cursor:
        # A load writes several batches in one transaction, so that commit does not empty them.
        cursor.execute(
            "truncate incoming_folder, incoming_series, incoming_header, incoming_instance, incoming_rejected_file"
        )
        for table, row_type, rows in batch.tables():
            _copy(cursor, table, row_type, rows)
        if later_runs:
            for incoming in ("incoming_instance", "incoming_rejected_file"):
                _leave_to(later_runs, cursor, incoming)
        # Every statement takes its rows in the order of their keys, so that two processes cannot deadlock.
        cursor.execute(
            "insert into icdm_raw.folder select * from incoming_folder order by folder_key on conflict do nothing"
        )
        cursor.execute(
            """
            with paths as (
                select folder_key, file_name from incoming_instance
                union all select folder_key, file_name from incoming_rejected_file
            ),
            changed as (
                select series_key, study_instance_uid, series_instance_uid from incoming_series
                union
                select series.series_key, series.study_instance_uid, series.series_instance_uid
                from paths
                inner join icdm_raw.instance using (folder_key, file_name)
                inner join icdm_raw.series using (series_key)
            ),
            batch as (select nextval('icdm_raw.batch_id') as batch_id)
            insert into icdm_raw.series (series_key, study_instance_uid, series_instance_uid, changed_batch)
            select series_key, study_instance_uid, series_instance_uid, batch_id from changed cross join batch
            order by series_key
            on conflict (series_key) do update set changed_batch = excluded.changed_batch
            """
        )
        cursor.execute(
            """
            insert into icdm_raw.header
            select series_key, header_key, patient_key, patient_issuer_key, accession_keys, sop_class_uid,
                transfer_syntax_uid, attributes::jsonb
            from incoming_header order by series_key, header_key on conflict do nothing
            """
        )
        for table, other in (("instance", "rejected_file"), ("rejected_file", "instance")):
            cursor.execute(_replace(table))
            cursor.execute(
                sql.SQL(
                    "delete from {other} using {incoming} where {other}.folder_key = {incoming}.folder_key"
                    " and {other}.file_name = {incoming}.file_name"
                ).format(other=sql.Identifier("icdm_raw", other), incoming=sql.Identifier(f"incoming_{table}"))
            )


def _leave_to(later_runs: Sequence[int], cursor: Any, table: str) -> None:
    """Take the files that a later run has seen, or has missed, out of a table of folder_key and file_name."""
    for known in ("instance", "rejected_file"):
        cursor.execute(
            sql.SQL(
                "delete from {table} using {known} where {table}.folder_key = {known}.folder_key"
                " and {table}.file_name = {known}.file_name"
                " and coalesce({known}.removed_run_id, {known}.run_id) = any(%s)"
            ).format(table=sql.Identifier(table), known=sql.Identifier("icdm_raw", known)),
            (list(later_runs),),
        )


def prepare_batches(connection: AnyConnection) -> None:
    """Create the session's tables that batches are copied into."""
    for table, row_type, _ in Batch(0, 0).tables():
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in row_type._fields)
        connection.execute(
            sql.SQL("create temporary table {incoming} as select {columns} from {table} limit 0").format(
                incoming=sql.Identifier(f"incoming_{table}"), columns=columns, table=sql.Identifier("icdm_raw", table)
            )
        )
    connection.execute("alter table incoming_header alter column attributes type text")
    connection.commit()


def _copy(cursor: Any, table: str, row_type: type[NamedTuple], rows: Iterable[NamedTuple]) -> None:
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in row_type._fields)
    incoming = sql.Identifier(f"incoming_{table}")
    with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(incoming, columns)) as copy:
        for row in rows:
            copy.write_row(row)


def _replace(table: str) -> sql.Composed:
    row_type = next(row_type for name, row_type, _ in Batch(0, 0).tables() if name == table)
    assignments = [
        sql.SQL("{c} = excluded.{c}").format(c=sql.Identifier(name))
        for name in row_type._fields
        if name not in ("folder_key", "file_name")
    ]
    return sql.SQL(
        "insert into {table} ({columns}) select {columns} from {incoming} order by folder_key, file_name"
        " on conflict (folder_key, file_name) do update set {assignments}, removed_run_id = null"
    ).format(
        table=sql.Identifier("icdm_raw", table),
        columns=sql.SQL(", ").join(sql.Identifier(name) for name in row_type._fields),
        incoming=sql.Identifier(f"incoming_{table}"),
        assignments=sql.SQL(", ").join(assignments),
    )


def mark_vanished(connection: AnyConnection, run_id: int, later_runs: Sequence[int] = ()) -> None:
    """Mark the files gathered in vanished_file as removed, and their series as changed, in one transaction.

    Files that one of `later_runs` has seen are left alone.
    """
    with connection.transaction():
        if later_runs:
            _leave_to(later_runs, connection, "vanished_file")
        connection.execute(
            """
            update icdm_raw.series set changed_batch = nextval('icdm_raw.batch_id')
            where series_key in (
                select instance.series_key
                from vanished_file inner join icdm_raw.instance using (folder_key, file_name)
                where instance.removed_run_id is null
            )
            """
        )
        for table in ("instance", "rejected_file"):
            connection.execute(
                sql.SQL(
                    "update {table} as known set removed_run_id = %s from vanished_file"
                    " where known.folder_key = vanished_file.folder_key"
                    " and known.file_name = vanished_file.file_name and known.removed_run_id is null"
                ).format(table=sql.Identifier("icdm_raw", table)),
                (run_id,),
            )
