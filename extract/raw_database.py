"""Write and look up the rows of schema icdm_raw; what the extractor writes is written here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from extract.archive import REASON as ARCHIVE_REASON
from extract.attributes import READING_VERSION, AttributeList
from extract.identifiers import Identifiers
from extract.raw_rows import Batch
from extract.walk import Root, root_of

SCHEMA_LAYOUT = "I-CDM raw rows, layout 1"
ONE_SCAN_LOCK = 0x1CD0001  # advisory lock: one scan at a time in a database
LOCK_WAIT = "2s"
VANISHED_LIMIT = 0.05

AnyConnection = Connection[tuple[Any, ...]]


class RawDatabaseError(RuntimeError):
    """The database cannot take this scan; the message says why and what to do."""


class KnownFile(NamedTuple):
    size: int
    modification_time_ns: int
    layout_id: int
    run_id: int
    is_archive: bool


@dataclass
class RunCounts:
    """What became of the files of a run: seen = unchanged + read + rejected + ignored."""

    seen: int = 0
    unchanged: int = 0
    read: int = 0
    rejected: int = 0
    ignored: int = 0
    vanished: int = 0
    masked: int = 0


def ensure_schema(connection: AnyConnection) -> None:
    """Create schema icdm_raw where it is absent. Raises RawDatabaseError where it has another layout."""
    row = connection.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'icdm_raw'"
    ).fetchone()
    if row is None:
        connection.execute(files("extract").joinpath("raw_schema.sql").read_text("utf-8").encode())
        connection.execute(sql.SQL("comment on schema icdm_raw is {}").format(SCHEMA_LAYOUT))
    elif row[0] != SCHEMA_LAYOUT:
        raise RawDatabaseError(
            f"schema icdm_raw is of another release (its comment says {row[0]!r}, this one writes "
            f"{SCHEMA_LAYOUT!r}). Drop it (drop schema icdm_raw cascade) and scan again, or use that release."
        )
    connection.commit()


def lock_scan(connection: AnyConnection) -> None:
    """Hold the one-scan lock as long as the connection lives. Raises RawDatabaseError where another scan holds it."""
    try:
        with connection.transaction():
            # The server needs a moment to see that a scan just before has ended.
            connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_WAIT,))
            connection.execute("select pg_advisory_lock(%s)", (ONE_SCAN_LOCK,))
    except LockNotAvailable as error:
        raise RawDatabaseError("another scan is writing to this database; wait until it has ended") from error


def layout_id(connection: AnyConnection, attributes: AttributeList) -> int:
    """Return the id of this attribute list's layout: the fingerprint, and the order of instance_values."""
    names = [attribute.key for attribute in attributes.of_instance]
    connection.execute(
        "insert into icdm_raw.header_layout (fingerprint, reading_version, instance_attributes) values (%s, %s, %s)"
        " on conflict do nothing",
        (attributes.fingerprint, READING_VERSION, names),
    )
    row = connection.execute(
        "select layout_id from icdm_raw.header_layout where fingerprint = %s and reading_version = %s",
        (attributes.fingerprint, READING_VERSION),
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def start_run(
    connection: AnyConnection, paths: Sequence[str], version: str, layout: int, identifiers: Identifiers
) -> int:
    """Record a run and return its id; runs that were killed are closed as failed.

    Raises RawDatabaseError where earlier runs stored identifiers under another key or mode.
    """
    last = connection.execute(
        "select identifiers, key_check from icdm_raw.extract_run order by run_id desc limit 1"
    ).fetchone()
    if last is not None and last != (identifiers.mode, identifiers.key_check):
        raise RawDatabaseError(
            "the earlier scans of this database stored identifiers under "
            + ("another ICDM_HMAC_KEY" if last[0] == identifiers.mode else f"--identifiers {last[0]}")
            + "; patients of old and new files would not meet. Use that one, or drop schema icdm_raw and scan anew."
        )
    connection.execute("update icdm_raw.extract_run set status = 'failed', message = 'killed' where status = 'running'")
    row = connection.execute(
        "insert into icdm_raw.extract_run (paths, extractor_version, layout_id, identifiers, key_check)"
        " values (%s, %s, %s, %s, %s) returning run_id",
        (list(paths), version, layout, identifiers.mode, identifiers.key_check),
    ).fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def finish_run(connection: AnyConnection, run_id: int, status: str, counts: RunCounts, message: str | None) -> None:
    """Record how a run ended: status completed or failed."""
    connection.execute(
        "update icdm_raw.extract_run set finished_at = now(), status = %s, files_seen = %s, files_unchanged = %s,"
        " files_read = %s, files_rejected = %s, files_ignored = %s, files_vanished = %s, values_masked = %s,"
        " message = %s, last_batch = case %s when 'completed' then (select last_value from icdm_raw.batch_id) end"
        " where run_id = %s",
        (
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


def roots(connection: AnyConnection) -> list[Root]:
    """Return every root known to the database."""
    return [Root(*row) for row in connection.execute("select root_id, root_path, root_name from icdm_raw.root")]


def add_root(connection: AnyConnection, path: str) -> None:
    """Add a root that goes by its path. Raises RawDatabaseError where the root of that name has moved elsewhere."""
    for root in roots(connection):
        if root.name == path:
            raise RawDatabaseError(f"root {path} is now at {root.path}; give the place it has left another --root NAME")
    connection.execute("insert into icdm_raw.root (root_name, root_path) values (%s, %s)", (path, path))
    connection.commit()


def save_root(connection: AnyConnection, name: str, path: str) -> None:
    """Add a root, name the one at that path, or move the one of that name there.

    Raises RawDatabaseError where the files at that path are known under another root: they would be met twice.
    """
    known = roots(connection)
    is_known = any(root.name == name for root in known)
    holder = root_of(path, [root for root in known if root.name != name])
    if holder is not None and (is_known or holder.path != path):
        raise RawDatabaseError(
            f"{path} belongs to root {holder.name} ({holder.path}), where its files are known; scan it without --root"
        )
    if holder is not None:
        connection.execute("update icdm_raw.root set root_name = %s where root_id = %s", (name, holder.root_id))
    else:
        connection.execute(
            "insert into icdm_raw.root (root_name, root_path) values (%s, %s)"
            " on conflict (root_name) do update set root_path = excluded.root_path",
            (name, path),
        )
    connection.commit()


def known_files(connection: AnyConnection, folder_key: int, first: str | None, end: str | None) -> dict[str, KnownFile]:
    """Return what an earlier run saw in a folder, by file name, between two names."""
    rows = connection.execute(
        """
        select file_name, file_size, modification_time_ns, layout_id, run_id, is_archive from (
            select folder_key, file_name, file_size, modification_time_ns, layout_id, run_id, removed_run_id,
                false as is_archive
            from icdm_raw.instance
            union all
            select folder_key, file_name, file_size, modification_time_ns, layout_id, run_id, removed_run_id,
                reason = %(archive)s as is_archive
            from icdm_raw.rejected_file
        ) as known
        where folder_key = %(folder)s and removed_run_id is null
          and (%(first)s::text is null or file_name >= %(first)s)
          and (%(end)s::text is null or file_name < %(end)s)
        """,
        {"folder": folder_key, "first": first, "end": end, "archive": ARCHIVE_REASON},
    )
    return {name: KnownFile(*facts) for name, *facts in rows}


def write_batch(connection: AnyConnection, batch: Batch) -> None:
    """Write the rows of some files in one transaction; rows of files seen before are replaced."""
    with connection.transaction(), connection.cursor() as cursor:
        for table, row_type, rows in batch.tables():
            _copy(cursor, table, row_type, rows)
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
            select series_key, header_key, patient_key, accession_keys, sop_class_uid, transfer_syntax_uid,
                attributes::jsonb
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


def prepare_batches(connection: AnyConnection) -> None:
    """Create the session's tables that batches are copied into."""
    for table, row_type, _ in Batch(0, 0).tables():
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in row_type._fields)
        connection.execute(
            sql.SQL(
                "create temporary table {incoming} on commit delete rows as select {columns} from {table} limit 0"
            ).format(
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


class Vanished:
    """The files of earlier runs that this run misses: gathered while walking, marked at the end."""

    def __init__(self, connection: AnyConnection) -> None:
        self.connection = connection
        connection.execute(
            'create temporary table vanished_file (folder_key bigint, file_name text collate "C",'
            " primary key (folder_key, file_name));"
            "create temporary table visited_folder (folder_key bigint primary key)"
        )
        connection.commit()

    def visit(self, folder_key: int) -> None:
        """Note a folder whose listing was seen: only what it misses has vanished."""
        self.connection.execute("insert into visited_folder values (%s) on conflict do nothing", (folder_key,))

    def visit_below(self, root: Root, below: str) -> None:
        """Note the folders of a root at and below one that could not be listed: nothing there has vanished."""
        self.connection.execute(
            """
            insert into visited_folder
            select folder_key from icdm_raw.folder
            where root_id = %(root)s
              and (%(below)s = '' or folder = %(below)s or starts_with(folder, %(below)s || '/'))
            on conflict do nothing
            """,
            {"root": root.root_id, "below": below},
        )

    def miss(self, folder_key: int, names: Iterable[str]) -> None:
        """Note files that an earlier run saw in this folder and that are not there now."""
        self.connection.execute(
            "insert into vanished_file select %s, unnest(%s::text[]) on conflict do nothing", (folder_key, list(names))
        )

    def miss_unvisited(self, root: Root, below: str, run_id: int) -> None:
        """Note every file of a root's unvisited folders at or below `below` ('' for all) not met since `run_id`."""
        self.connection.execute(
            """
            insert into vanished_file
            select known.folder_key, known.file_name
            from icdm_raw.folder
            inner join (
                select folder_key, file_name from icdm_raw.instance
                where removed_run_id is null and run_id < %(run)s
                union all
                select folder_key, file_name from icdm_raw.rejected_file
                where removed_run_id is null and run_id < %(run)s
            ) as known using (folder_key)
            where folder.root_id = %(root)s
              and (%(below)s = '' or folder.folder = %(below)s or starts_with(folder.folder, %(below)s || '/'))
              and not exists (select from visited_folder where visited_folder.folder_key = folder.folder_key)
            on conflict do nothing
            """,
            {"root": root.root_id, "below": below, "run": run_id},
        )

    def mark(self, run_id: int, accept: bool) -> int:
        """Mark the vanished files and return their number.

        Raises RawDatabaseError, marking nothing, where a root misses more than 5 % of its files and `accept`
        is false: an unmounted share must not empty the tables.
        """
        with self.connection.transaction():
            rows = self.connection.execute(
                """
                select root.root_name, count(vanished_file.file_name), count(*)
                from icdm_raw.root
                inner join icdm_raw.folder using (root_id)
                inner join (
                    select folder_key, file_name from icdm_raw.instance where removed_run_id is null
                    union all
                    select folder_key, file_name from icdm_raw.rejected_file where removed_run_id is null
                ) as known using (folder_key)
                left join vanished_file
                    on known.folder_key = vanished_file.folder_key and known.file_name = vanished_file.file_name
                -- A row without a file name is a folder that could not be listed before.
                where exists (select from vanished_file) and known.file_name <> ''
                group by root.root_name
                """
            ).fetchall()
            for name, gone, known in rows:
                if gone > VANISHED_LIMIT * known and not accept:
                    raise RawDatabaseError(
                        f"{gone:,} of {known:,} files known under {name} are gone. Nothing was removed. If the "
                        "archive is mounted and they are meant to be gone, scan again with --accept-vanished."
                    )
            self.connection.execute(
                """
                update icdm_raw.series set changed_batch = nextval('icdm_raw.batch_id')
                where series_key in (
                    select instance.series_key
                    from vanished_file inner join icdm_raw.instance using (folder_key, file_name)
                )
                """
            )
            for table in ("instance", "rejected_file"):
                self.connection.execute(
                    sql.SQL(
                        "update {table} as known set removed_run_id = %s from vanished_file"
                        " where known.folder_key = vanished_file.folder_key"
                        " and known.file_name = vanished_file.file_name"
                    ).format(table=sql.Identifier("icdm_raw", table)),
                    (run_id,),
                )
        return sum(gone for _, gone, _ in rows)
