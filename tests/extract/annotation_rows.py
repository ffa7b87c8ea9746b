"""Raw rows of annotations, written by hand on the series of a scan, for the models where no reader is in question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
Columns = Mapping[str, Any]


@dataclass
class RawAnnotation:
    """Columns of annotation, the values as columns of annotation_value, and the annotated images."""

    columns: Columns = field(default_factory=dict)
    values: Sequence[Columns] = ()
    images: Sequence[str] = ()


def number(name: str, value: float | None, unit: str | None, **further: Any) -> Columns:
    """Return the columns of a measured value."""
    columns = {"name": name, "value_text": str(value), "value_as_number": value, "unit": unit, "origin": "measured"}
    return {**columns, **further}


def stated(name: str, text: str, **further: Any) -> Columns:
    """Return the columns of a stated value."""
    return {"name": name, "value_text": text, "origin": "stated", **further}


def _insert(connection: Connection, table: str, columns: Columns) -> None:
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    connection.execute(f"insert into icdm_raw.{table} ({names}) values ({places})".encode(), list(columns.values()))


def file_of_instance(connection: Connection, sop_instance_uid: str) -> Columns:
    """Return the key, size and time of a scanned file."""
    found = connection.execute(
        "select folder_key, file_name, file_size, modification_time_ns from icdm_raw.instance"
        " where sop_instance_uid = %s and removed_run_id is null",
        (sop_instance_uid,),
    )
    names = ("folder_key", "file_name", "file_size", "modification_time_ns")
    return dict(zip(names, found.fetchall()[0], strict=True))


def file_that_is_no_dicom(connection: Connection, file_name: str, file_size: int = 100) -> Columns:
    """Have a scan have met a file that is no DICOM in the folder of some instance, and return its columns."""
    ((folder_key, run_id, layout_id),) = connection.execute(
        "select folder_key, run_id, layout_id from icdm_raw.instance order by folder_key limit 1"
    ).fetchall()
    file = {"folder_key": folder_key, "file_name": file_name, "file_size": file_size, "modification_time_ns": 1}
    further = {"run_id": run_id, "layout_id": layout_id, "outcome": "ignored", "reason": "not DICOM"}
    _insert(connection, "rejected_file", {**file, **further})
    return file


def insert_file(
    connection: Connection, file: Columns, form: str, annotations: Sequence[RawAnnotation] = (), **further: Any
) -> None:
    """Write the rows of one file of annotations; they are numbered from 1, and so are their values."""
    _insert(connection, "annotation_file", {**file, "reading": "by hand", "form": form, "outcome": "read", **further})
    key = {name: file[name] for name in ("folder_key", "file_name")}
    for place, annotation in enumerate(annotations, 1):
        own = key | {"annotation_number": place}
        _insert(connection, "annotation", {**own, **annotation.columns})
        for position, value in enumerate(annotation.values, 1):
            _insert(connection, "annotation_value", {**own, "value_number": position, **value})
        for image in annotation.images:
            _insert(connection, "annotation_image", own | {"sop_instance_uid": image})
