"""Archives that tests make, and queries on the raw rows that come of them."""

import os
import shutil
import signal
import subprocess
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

PROJECT = Path(__file__).parents[2]
WHEEL = Path(pydicom.__file__).parent / "data"
KEY = "a key of the tests alone"

Connection = psycopg.Connection[tuple[Any, ...]]


def write_dicom(path: Path, number: int, series: str = "1.2.9.3", description: str = "Synthetic") -> Path:
    """A small synthetic CT image without pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{series}.{number}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.9.2", series
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "Synthetic^Test", "SYN-0042", "ACC-7731"
    dataset.PatientBirthDate, dataset.SeriesDescription = "19610203", description
    dataset.InstanceNumber = number
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_many(folder: Path, count: int) -> None:
    """The same, fast: equal but for the last digits of a UID."""
    template = write_dicom(folder / "template", 100_000).read_bytes()
    (folder / "template").unlink()
    for number in range(count):
        content = template.replace(b"1.2.9.3.100000", f"1.2.9.3.{100_000 + number}".encode())
        place = folder / f"{number // 250:02}"
        place.mkdir(exist_ok=True)
        (place / f"{number:06}").write_bytes(content)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    found = connection.execute(query.encode()).fetchall()
    connection.commit()
    return found


def changed_batches(connection: Connection) -> dict[str, int]:
    return dict(rows(connection, "select series_instance_uid, changed_batch from icdm_raw.series"))


def kill_readers_of(path: Path, process: subprocess.Popen[str]) -> int:
    """Kill -9 every process of a scan that has a file open, until the scan has ended; return how many."""
    killed = 0
    while process.poll() is None:
        with suppress(OSError):  # processes end while they are listed
            for link in Path("/proc").glob("[0-9]*/fd/*"):
                with suppress(OSError):
                    if link.readlink() == path and int(link.parts[2]) != process.pid:
                        os.kill(int(link.parts[2]), signal.SIGKILL)
                        killed += 1
                        break
        time.sleep(0.002)
    return killed


PLAIN, ZIPPED, LONE = "1.2.9.3", "1.2.9.4", "1.2.9.5"
IMAGES = {PLAIN: 4, ZIPPED: 3, LONE: 1}


def write_small_archive(folder: Path) -> None:
    """Three series: in a folder, with a copy of an image; in a zip archive; in a file whose name is no UTF-8."""
    for number in range(IMAGES[PLAIN]):
        write_dicom(folder / "plain" / f"IM{number}", number, PLAIN)
    shutil.copy2(folder / "plain" / "IM0", folder / "plain" / "a copy")
    with zipfile.ZipFile(folder / "sent.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(IMAGES[ZIPPED]):
            member = write_dicom(folder / "member", number, ZIPPED)
            archive.write(member, f"inner/{number}")
            member.unlink()
    odd = write_dicom(folder / "odd" / "name", 0, LONE)
    odd.rename(os.fsdecode(os.fsencode(odd.parent) + b"/\xb0\xe1 image"))
