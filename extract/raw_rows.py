"""The rows of schema icdm_raw as Python tuples; field names are column names, keys are hashes of content."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from extract.header import Header
from extract.walk import FoundFile


def content_key(*parts: str) -> int:
    """Return 64 bits of a hash over delimited parts, as PostgreSQL's signed bigint."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class FolderRow(NamedTuple):
    folder_key: int
    root_id: int
    folder: str


class SeriesRow(NamedTuple):
    series_key: int
    study_instance_uid: str
    series_instance_uid: str


class HeaderRow(NamedTuple):
    series_key: int
    header_key: int
    patient_key: str | None
    patient_issuer_key: str | None
    accession_keys: list[str | None]
    sop_class_uid: str | None
    transfer_syntax_uid: str | None
    attributes: str


class InstanceRow(NamedTuple):
    series_key: int
    header_key: int
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
    instance_values: list[str | None]


class RejectedRow(NamedTuple):
    folder_key: int
    file_size: int
    modification_time_ns: int
    run_id: int
    layout_id: int
    outcome: str
    reason: str
    detail: str | None
    file_name: str


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
    expected: int | None = None  # files there are, once they are counted; archives count once


class Batch:
    """The rows of some files, with each folder, series and header once."""

    def __init__(self, run_id: int, layout_id: int) -> None:
        self.run_id = run_id
        self.layout_id = layout_id
        self.folders: dict[int, FolderRow] = {}
        self.series: dict[int, SeriesRow] = {}
        self.headers: dict[tuple[int, int], HeaderRow] = {}
        self.instances: list[InstanceRow] = []
        self.rejected: list[RejectedRow] = []

    def add_folder(self, root_id: int, folder: str) -> int:
        key = content_key(str(root_id), folder)
        self.folders[key] = FolderRow(key, root_id, folder)
        return key

    def add_header(self, folder_key: int, file: FoundFile, header: Header) -> None:
        series_key = content_key(header.study_instance_uid, header.series_instance_uid)
        self.series[series_key] = SeriesRow(series_key, header.study_instance_uid, header.series_instance_uid)
        attributes = json.dumps(header.attributes, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        header_key = content_key(
            str(header.patient_key),
            str(header.patient_issuer_key),
            json.dumps(header.accession_keys),
            str(header.sop_class_uid),
            str(header.transfer_syntax_uid),
            attributes,
        )
        if (series_key, header_key) not in self.headers:
            self.headers[series_key, header_key] = HeaderRow(
                series_key,
                header_key,
                header.patient_key,
                header.patient_issuer_key,
                list(header.accession_keys),
                header.sop_class_uid,
                header.transfer_syntax_uid,
                attributes,
            )
        self.instances.append(
            InstanceRow(
                series_key=series_key,
                header_key=header_key,
                folder_key=folder_key,
                file_size=file.size,
                modification_time_ns=file.modification_time_ns,
                run_id=self.run_id,
                instance_creation=header.instance_creation,
                layout_id=self.layout_id,
                instance_number=header.instance_number,
                number_of_frames=header.number_of_frames,
                is_truncated=header.is_truncated,
                file_name=file.name,
                sop_instance_uid=header.sop_instance_uid,
                image_position_patient=header.image_position_patient,
                instance_values=header.instance_values,
            )
        )

    def add_rejected(self, folder_key: int, file: FoundFile, outcome: str, reason: str, detail: str | None) -> None:
        self.rejected.append(
            RejectedRow(
                folder_key,
                file.size,
                file.modification_time_ns,
                self.run_id,
                self.layout_id,
                outcome,
                reason,
                detail,
                file.name,
            )
        )

    def tables(self) -> Iterable[tuple[str, type[NamedTuple], Iterable[NamedTuple]]]:
        """Yield table name, row type and rows, in the order in which they are written."""
        yield "folder", FolderRow, self.folders.values()
        yield "series", SeriesRow, self.series.values()
        yield "header", HeaderRow, self.headers.values()
        yield "instance", InstanceRow, self.instances
        yield "rejected_file", RejectedRow, self.rejected
