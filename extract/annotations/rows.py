"""Write the raw rows of annotations; field names are column names."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import sql

from extract.annotations.annotation import Annotation
from extract.raw_database import AnyConnection


class AnnotationFileRow(NamedTuple):
    folder_key: int
    file_name: str
    file_size: int
    modification_time_ns: int
    reading: str
    form: str
    outcome: str
    reason: str | None
    detail: str | None
    missing_series_uid: str | None


ANNOTATION_COLUMNS = (
    "label",
    "finding_code",
    "category_code",
    "site_code",
    "laterality_code",
    "tracking_id",
    "tracking_uid",
    "study_instance_uid",
    "series_instance_uid",
    "frame_of_reference_uid",
    "image_orientation_patient",
    "annotated_at",
    "generation",
    "algorithm_name",
    "annotation_system",
    "annotator_key",
    "problem",
)
VALUE_COLUMNS = ("value_number", "name", "name_code", "value_text", "value_as_number", "unit", "value_code", "origin")


def write_annotations(connection: AnyConnection, file: AnnotationFileRow, annotations: Sequence[Annotation]) -> None:
    """Write a file with its annotations in one transaction, in place of what was read of it before."""
    key = (file.folder_key, file.file_name)
    # The number of an annotation is the file's own, and files repeat them.
    numbers = _distinct([annotation.number for annotation in annotations])
    with connection.transaction():
        connection.execute("delete from icdm_raw.annotation_file where (folder_key, file_name) = (%s, %s)", key)
        _copy(connection, "annotation_file", AnnotationFileRow._fields, [file])
        _copy(
            connection,
            "annotation",
            ("folder_key", "file_name", "annotation_number", *ANNOTATION_COLUMNS),
            (
                (*key, number, *(getattr(annotation, column) for column in ANNOTATION_COLUMNS))
                for number, annotation in zip(numbers, annotations, strict=True)
            ),
        )
        _copy(
            connection,
            "annotation_image",
            ("folder_key", "file_name", "annotation_number", "sop_instance_uid"),
            (
                (*key, number, uid)
                for number, annotation in zip(numbers, annotations, strict=True)
                for uid in sorted(annotation.images)
            ),
        )
        _copy(
            connection,
            "annotation_value",
            ("folder_key", "file_name", "annotation_number", *VALUE_COLUMNS, "method"),
            (
                (
                    *key,
                    number,
                    position,
                    value.name,
                    value.name_code,
                    value.text,
                    _numeric(value.number),
                    value.unit,
                    value.value_code,
                    value.origin,
                    value.method,
                )
                for number, annotation in zip(numbers, annotations, strict=True)
                for position, value in enumerate(annotation.values, 1)
            ),
        )


def _distinct(numbers: list[int]) -> list[int]:
    """Return the numbers, those that were there before as free ones behind the largest."""
    free = max(numbers, default=0) + 1
    seen: set[int] = set()
    distinct = []
    for number in numbers:
        if number in seen or not 0 <= number < 2**31:
            number, free = free, free + 1
        seen.add(number)
        distinct.append(number)
    return distinct


def _numeric(number: float | None) -> Decimal | None:
    return Decimal(repr(float(number))) if number is not None and math.isfinite(number) else None


def _copy(connection: AnyConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    query = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier("icdm_raw", table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row([_storable(value) for value in row])


def _storable(value: Any) -> Any:
    """Return text without what PostgreSQL's text cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    return value
