"""The crosswalk of expected counts: how many instances the PACS has of each study and series, by a list of the site."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from extract.connection import connect
from extract.crosswalk import LARGEST_ID, LoadSummary, record_load, shown, whole_number
from extract.crosswalk_file import CrosswalkFile, CrosswalkRowsError
from extract.raw_database import AnyConnection, ensure_schema, lock_scan

REQUIRED = ("study_instance_uid", "number_of_instances")
OPTIONAL = ("series_instance_uid",)


class Entry(NamedTuple):
    """What a row says: this study or, with its UID, this series of it has so many instances."""

    line_number: int
    study_instance_uid: str
    series_instance_uid: str | None
    number_of_instances: int


def load_csv(path: Path) -> tuple[LoadSummary, list[str]]:
    """Replace all expected counts by those of a file; returns also the names of columns not used.

    Rows that give one study or one series different numbers are refused, all of them. Raises CrosswalkSettingsError (a
    column is missing), CrosswalkRowsError (rows cannot be understood; nothing is loaded), RawDatabaseError (another
    scan runs) and OSError.
    """
    with path.open("rb") as binary:
        file = CrosswalkFile(binary, path, REQUIRED, OPTIONAL)
        return _load(str(path), file.rows(_entry)), file.unused


def _entry(line: int, cells: Mapping[str, str]) -> Entry:
    if not cells["study_instance_uid"]:
        raise ValueError("study_instance_uid is empty; fill it in, or remove the row")
    return Entry(
        line,
        cells["study_instance_uid"],
        cells.get("series_instance_uid") or None,
        whole_number("number_of_instances", cells["number_of_instances"], 0, LARGEST_ID),
    )


def _load(source: str, entries: Iterable[Entry]) -> LoadSummary:
    with connect("icdm-extract crosswalk") as connection:
        lock_scan(connection)
        ensure_schema(connection)
        with connection.transaction():
            taken = _copy(connection, entries)
            if not taken:
                raise CrosswalkRowsError(f"{source} holds no row; the crosswalk is left as it was")
            refusals, refused = _refusals(connection)
            connection.execute("delete from icdm_raw.expected_count")
            connection.execute(
                """
                insert into icdm_raw.expected_count
                select study_instance_uid, series_instance_uid, min(number_of_instances)
                from incoming_count
                group by study_instance_uid, series_instance_uid
                having count(distinct number_of_instances) = 1
                """
            )
            # No identifier of a patient is in the list, so that no key has a part in it.
            load_id = record_load(connection, "expected", "csv", None, (taken - refused, refused, 0))
    return LoadSummary(load_id, taken - refused, refused, 0, [f"{source}: {refusal}" for refusal in refusals])


def _copy(connection: AnyConnection, entries: Iterable[Entry]) -> int:
    """Copy the entries into a table of the session and return how many they are."""
    taken = 0
    connection.execute(
        'create temporary table incoming_count (line_number bigint, study_instance_uid text collate "C",'
        ' series_instance_uid text collate "C", number_of_instances bigint) on commit drop'
    )
    with connection.cursor() as cursor, cursor.copy("copy incoming_count from stdin") as copy:
        for entry in entries:
            taken += 1
            copy.write_row(entry)
    return taken


def _refusals(connection: AnyConnection) -> tuple[list[str], int]:
    """Return a line for each study or series with different numbers, and the number of their rows."""
    found = connection.execute(
        """
        select
            case when series_instance_uid is null then 'study' else 'series' end,
            array_agg(line_number order by line_number),
            array_agg(distinct number_of_instances)
        from incoming_count
        group by study_instance_uid, series_instance_uid
        having count(distinct number_of_instances) > 1
        order by min(line_number)
        """
    ).fetchall()
    refusals = [f"lines {shown(lines)}: one {what} with {shown(numbers)} instances" for what, lines, numbers in found]
    return refusals, sum(len(lines) for _, lines, _ in found)
