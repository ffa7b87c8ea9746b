"""Synthetic DICOM files for the tests."""

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from extract.attributes import SEED, read_attribute_list

ATTRIBUTES = read_attribute_list(Path(__file__).parents[2] / SEED)
# Every file made here has these two, so a test names them only where it is about them.
_OF_EVERY_FILE = ("SOPClassUID", "TransferSyntaxUID")
BESIDE_UIDS = replace(ATTRIBUTES, attributes=tuple(a for a in ATTRIBUTES.attributes if a.name not in _OF_EVERY_FILE))


def dicom(syntax: UID = ExplicitVRLittleEndian, **values: object) -> FileDataset:
    """A synthetic CT image with the three UIDs and the values given by keyword."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    encoding = {"is_implicit_VR": syntax.is_implicit_VR, "is_little_endian": syntax.is_little_endian}
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128), **encoding)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = UID("1.2.3.1")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.2", "1.2.3.3"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def items(*datasets: Mapping[str, object]) -> list[Dataset]:
    sequence = []
    for values in datasets:
        sequence.append(Dataset())
        for keyword, value in values.items():
            setattr(sequence[-1], keyword, value)
    return sequence


def encoded(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()
