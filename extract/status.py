"""What schema icdm_raw holds: files by root, the last runs, what waits for a scan, what was left out, crosswalks."""

from collections.abc import Iterator
from typing import Any

from extract.attributes import READING_VERSION, AttributeList
from extract.raw_database import AnyConnection, has_schema

LAST_RUNS = 5


def status_lines(connection: AnyConnection, attributes: AttributeList) -> Iterator[str]:
    """Yield the lines of the report. Counts run over all rows: seconds at millions of files."""
    is_there = has_schema(connection)
    if is_there and connection.execute("select from icdm_raw.extract_run limit 1").fetchone() is not None:
        yield from _scanned(connection, attributes)
    else:
        yield "Nothing was scanned into this database yet."
    if is_there:
        yield ""
        yield from _crosswalks(connection)


def _scanned(connection: AnyConnection, attributes: AttributeList) -> Iterator[str]:
    yield from _table(
        connection,
        ("root", "path", "files of instances", "rejected", "ignored"),
        """
        select root.root_name, root.root_path, coalesce(sum(files.instances), 0), coalesce(sum(files.rejected), 0),
            coalesce(sum(files.ignored), 0)
        from icdm_raw.root
        left join icdm_raw.folder using (root_id)
        left join (
            select folder_key, count(*) as instances, 0 as rejected, 0 as ignored
            from icdm_raw.instance where removed_run_id is null group by folder_key
            union all
            select folder_key, 0, count(*) filter (where outcome = 'rejected'),
                count(*) filter (where outcome = 'ignored')
            from icdm_raw.rejected_file where removed_run_id is null group by folder_key
        ) as files using (folder_key)
        group by root.root_id order by root.root_name
        """,
    )
    yield ""
    yield from _table(
        connection,
        ("studies", "series", "instances", "vanished files", "files that wait for a scan"),
        """
        select count(distinct series.study_instance_uid), count(distinct series.series_key),
            count(distinct instance.sop_instance_uid),
            (select count(*) from icdm_raw.instance where removed_run_id is not null),
            count(*) filter (where (layout.fingerprint, layout.reading_version) <> (%(fingerprint)s, %(version)s))
        from icdm_raw.instance
        inner join icdm_raw.series using (series_key)
        inner join icdm_raw.header_layout as layout using (layout_id)
        where instance.removed_run_id is null
        """,
        {"fingerprint": attributes.fingerprint, "version": READING_VERSION},
    )
    yield ""
    yield from _table(
        connection,
        ("run", "started", "status", "seen", "unchanged", "read", "rejected", "ignored", "vanished", "message"),
        """
        select run_id, to_char(started_at, 'YYYY-MM-DD HH24:MI'), status, files_seen, files_unchanged, files_read,
            files_rejected, files_ignored, files_vanished, coalesce(message, '')
        from icdm_raw.extract_run order by run_id desc limit %(runs)s
        """,
        {"runs": LAST_RUNS},
    )
    yield ""
    yield from _table(
        connection,
        ("left out", "reason", "detail", "files"),
        """
        select outcome, reason, coalesce(detail, ''), count(*)
        from icdm_raw.rejected_file where removed_run_id is null
        group by outcome, reason, detail order by outcome desc, count(*) desc, reason, detail
        """,
    )


def _crosswalks(connection: AnyConnection) -> Iterator[str]:
    yield from _table(
        connection,
        ("crosswalk", "origin", "last loaded", "rows loaded", "refused", "skipped"),
        """
        select distinct on (kind, origin) kind, origin, to_char(loaded_at, 'YYYY-MM-DD HH24:MI'), rows_loaded,
            rows_refused, rows_skipped
        from icdm_raw.crosswalk_load order by kind, origin, load_id desc
        """,
    )
    yield ""
    yield from _table(
        connection,
        ("patients of the files", "known to the person crosswalk"),
        """
        with patients as (
            select distinct patient_key, patient_issuer_key from icdm_raw.header where patient_key is not null
        ),
        known as (
            select patient_key from patients
            inner join icdm_raw.person_crosswalk as crosswalk using (patient_key)
            where crosswalk.person_id is not null
              and (crosswalk.patient_issuer_key is null
                   or crosswalk.patient_issuer_key = patients.patient_issuer_key)
        )
        select count(distinct patient_key), (select count(distinct patient_key) from known) from patients
        """,
    )


def _table(
    connection: AnyConnection, titles: tuple[str, ...], query: str, parameters: dict[str, Any] | None = None
) -> Iterator[str]:
    rows = connection.execute(query.encode(), parameters).fetchall()
    cells = [titles, *(tuple(_shown(value) for value in row) for row in rows)]
    numeric = [bool(rows) and all(not isinstance(row[at], str) for row in rows) for at in range(len(titles))]
    widths = [max(len(row[at]) for row in cells) for at in range(len(titles))]
    for row in cells:
        columns = zip(row, widths, numeric, strict=True)
        yield "  ".join(text.rjust(width) if right else text.ljust(width) for text, width, right in columns).rstrip()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,}"
