"""Writes the cohort as DICOM files: Part 10 format, true SOP classes, real pixels, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

from pydicom import config, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from extract.synthetic import documents, enhanced_ct, images, marked, measurement_report, multi_frame
from extract.synthetic.awkward import AWKWARD_CASES
from extract.synthetic.entities import Patient, Series, Study, Syntax, uid
from extract.synthetic.protocols import Kind

#: Fixed, so that files do not change with the pydicom that writes them (PS3.10 section 7.1).
IMPLEMENTATION_CLASS_UID = UID(uid("implementation"))
IMPLEMENTATION_VERSION_NAME = "ICDM_SYNTHETIC_1"
#: A file that is no DICOM, as every archive has some.
README = PurePosixPath("README.txt")

_TRANSFER_SYNTAX: Mapping[Syntax, UID] = {
    "EXPLICIT": ExplicitVRLittleEndian,
    "IMPLICIT": ImplicitVRLittleEndian,
    "DEFLATED": DeflatedExplicitVRLittleEndian,
}
_WHOLE_OBJECTS: Mapping[Kind, Callable[[Patient, Study, Series], Dataset]] = {
    "ENHANCED_CT": enhanced_ct.enhanced_ct,
    "ENHANCED_MR": multi_frame.enhanced_mr,
    "SEG": multi_frame.segmentation,
    "RTSTRUCT": documents.structure_set,
    "TEXT_SR": documents.text_report,
    "DOSE_SR": documents.dose_report,
    "LESION_SEG": marked.segmentation,
    "LESION_RTSTRUCT": marked.structure_set,
    "LESION_SR": measurement_report.measurement_report,
}


def _series_files(patient: Patient, study: Study, series: Series) -> Iterator[tuple[int, PurePosixPath]]:
    """Instance index and path of every file of a series; a file name that repeats an index is a second copy."""
    folder = PurePosixPath(patient.patient_id, f"{study.study_number:02d}_{study.kind}", f"{series.series_number:03d}")
    for index in range(series.protocol.instances):
        yield index, folder / f"IM{index + 1:04d}{study.file_suffix}"
    if study.first_instance_twice and series.series_number == 1:
        yield 0, folder / f"COPY_OF_IM0001{study.file_suffix}"


def file_count(study: Study, series: Series) -> int:
    """Number of files of a series: its instances and the copy, where there is one."""
    return series.protocol.instances + (study.first_instance_twice and series.series_number == 1)


def planned_files(cohort: tuple[Patient, ...]) -> list[PurePosixPath]:
    """Every file ``write_cohort`` will write, relative to its folder, DICOM or not."""
    dicom = [
        path
        for patient in cohort
        for study in patient.studies
        for series in study.series
        for _, path in _series_files(patient, study, series)
    ]
    return [README, *dicom]


def _encode(dataset: Dataset, syntax: Syntax) -> bytes:
    """A Part 10 file: preamble, file meta information, data set."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = _TRANSFER_SYNTAX[syntax]
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _instances(patient: Patient, study: Study, series: Series) -> Iterator[bytes]:
    """The encoded instances of a series, in order."""
    whole = _WHOLE_OBJECTS.get(series.protocol.kind)
    if whole:
        yield _encode(whole(patient, study, series), study.syntax)
        return
    dataset = images.base(patient, study, series)
    for index in range(series.protocol.instances):
        images.complete(dataset, patient, study, series, index)
        if study.second_patient_id:
            dataset.PatientID = study.second_patient_id if index % 2 else patient.patient_id
        yield _encode(dataset, study.syntax)


def _readme(cohort: tuple[Patient, ...]) -> str:
    """What is in the folder, and which patient shows what."""
    shown = [f"{one.patient_id}: {AWKWARD_CASES[one.number]}" for one in cohort if one.number in AWKWARD_CASES]
    return "\n".join(["Synthetic DICOM files of synthetic patients. This file is not DICOM.", "", *shown, ""])


def write(path: Path, content: bytes) -> None:
    """Leave a file that holds these bytes alone, with its modification time: a scan need not read it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def write_cohort(
    cohort: tuple[Patient, ...], directory: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write ``<patient>/<study>/<series>/<file>`` below ``directory``; ``progress`` is told files done and to do."""
    total = len(planned_files(cohort))
    write(directory / README, _readme(cohort).encode())
    done = 1
    # The dotted date of one study is no valid DA, on purpose; everything else is checked by the tests.
    with config.disable_value_validation():
        for patient in cohort:
            for study in patient.studies:
                for series in study.series:
                    encoded = list(_instances(patient, study, series))
                    for index, path in _series_files(patient, study, series):
                        write(directory / path, encoded[index])
                        done += 1
                        if progress:
                            progress(done, total)
