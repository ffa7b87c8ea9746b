"""The demo's data: a synthetic lung-cancer cohort as true DICOM files, with a small OMOP CDM of the same patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from extract.synthetic import annotation_files, dicom_writer, expected_counts, omop_cdm
from extract.synthetic.cdm_tables import TABLES
from extract.synthetic.cohort import build_cohort
from extract.synthetic.entities import Patient
from extract.synthetic.protocols import MODALITY

MARKER = ".icdm-demo-data"
DICOM_FOLDER = "dicom"
CDM_FOLDER = "omop_cdm"
ANNOTATION_FOLDER = "annotations"
EXPECTED_FILE = "expected_counts.csv"
_HEADING = "Written by icdm-extract demo-data; these files are replaced when it runs again:"


class FolderNotOursError(RuntimeError):
    """The folder holds files that this demo did not write."""


@dataclass(frozen=True)
class DemoSummary:
    """What was written: DICOM files by Modality (0008,0060), copies included, and CDM rows by table."""

    patients: int
    studies: int
    series: int
    instances: int
    files: int
    files_by_modality: dict[str, int]
    cdm_rows: dict[str, int]


def _claim(directory: Path, planned: list[PurePosixPath]) -> None:
    """Make the folder ours: refuse foreign files, remove those of an earlier run, leave a list of those to come.

    The list is written first, so that a run that was interrupted can be repeated.
    """
    marker = directory / MARKER
    if marker.exists():
        heading, *earlier = marker.read_text(encoding="utf-8").splitlines()
        if heading != _HEADING:
            raise FolderNotOursError(f"{marker} was not written by this demo")
        for relative in set(earlier) - set(map(str, planned)):
            path = PurePosixPath(relative)
            # The list is a file that anyone can edit: nothing outside the three folders is ever removed.
            if path.parts[0] in (DICOM_FOLDER, CDM_FOLDER, ANNOTATION_FOLDER) and ".." not in path.parts:
                (directory / path).unlink(missing_ok=True)
    elif directory.exists() and any(directory.iterdir()):
        raise FolderNotOursError(f"{directory} is not empty and was not written by this demo; name a new folder")
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_text("\n".join([_HEADING, *map(str, planned)]) + "\n", encoding="utf-8", newline="\n")


def _remove_empty_folders(directory: Path) -> None:
    """Folders of an earlier, larger cohort that hold nothing any more."""
    for folder in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _summary(cohort: tuple[Patient, ...], cdm_rows: dict[str, int]) -> DemoSummary:
    studies = [study for patient in cohort for study in patient.studies if study.series]
    series = [one for study in studies for one in study.series]
    modalities: Counter[str] = Counter()
    for study in studies:
        for one in study.series:
            modalities[MODALITY[one.protocol.kind]] += dicom_writer.file_count(study, one)
    return DemoSummary(
        patients=len(cohort),
        studies=len(studies),
        series=len(series),
        instances=sum(one.protocol.instances for one in series),
        files=modalities.total(),
        files_by_modality=dict(sorted(modalities.items())),
        cdm_rows=cdm_rows,
    )


def write_demo_data(
    directory: Path,
    patients: int = 240,
    seed: int = 59187,
    progress: Callable[[int, int], None] | None = None,
) -> DemoSummary:
    """Write ``dicom/…``, ``annotations/…``, ``omop_cdm/<table>.csv`` and ``expected_counts.csv`` below a directory.

    The same arguments give the same bytes.

    ``progress`` is called with the number of files written and the number to write. A folder that holds anything must
    have been written by this function (else FolderNotOursError): the files of that run are replaced, and only those.
    """
    cohort = build_cohort(patients, seed)
    planned = [PurePosixPath(DICOM_FOLDER) / path for path in dicom_writer.planned_files(cohort)]
    planned += [PurePosixPath(CDM_FOLDER) / omop_cdm.csv_name(table) for table in TABLES]
    annotations = annotation_files.files(cohort)
    planned += [PurePosixPath(ANNOTATION_FOLDER) / path for path in annotations]
    planned.append(PurePosixPath(EXPECTED_FILE))
    _claim(directory, planned)
    dicom_writer.write_cohort(cohort, directory / DICOM_FOLDER, progress)
    for path, content in annotations.items():
        dicom_writer.write(directory / ANNOTATION_FOLDER / path, content)
    cdm_rows = omop_cdm.write_csv(cohort, directory / CDM_FOLDER)
    for folder in (DICOM_FOLDER, ANNOTATION_FOLDER):
        _remove_empty_folders(directory / folder)
    expected_counts.write_csv(cohort, directory / EXPECTED_FILE)
    return _summary(cohort, cdm_rows)


__all__ = ["CDM_FOLDER", "DemoSummary", "FolderNotOursError", "write_demo_data"]
