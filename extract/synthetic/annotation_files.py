"""Readings in forms that are not DICOM, as labelling tools leave them, the mapping file for them, and the truth.

The truth is a table of all readings in all forms, DICOM ones too: what each lesion's measures are, by its geometry.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import SimpleITK

from extract.synthetic.entities import Patient, Reading
from extract.synthetic.lesions import Grid, Lesion, mask
from extract.synthetic.marked import LABELS

MAPPING = "mapping.yml"
_READERS, _SERIES, _TRUTH = "readers.csv", "series.csv", "truth.csv"
_MAPPING_TEXT = """\
# How the files of this folder are read: icdm-extract annotate . --mapping mapping.yml
label_maps:
  # A file for each structure, named as it; the folder is the series.
  - files: "**/masks/*/*.nii.gz"
    series: {path: "masks/(?P<series_instance_uid>[0-9.]+)/"}
    labels: {1: "{stem}"}
    annotation_system: DEMO LABELLER
    generation: MANUAL
  # 3D Slicer's segmentations bear their own names; which series each is of stands in a list.
  - files: "**/*.seg.nrrd"
    series: {list: series.csv}
    annotation_system: 3D Slicer
    generation: SEMIAUTOMATIC
tables:
  # Nodules as each of several readers saw them: a row for each reader and nodule.
  - files: "**/readers.csv"
    columns:
      study: study_instance_uid
      series: series_instance_uid
      reader: annotator
      nodule: [label, tracking_id]
      nodule_uid: tracking_uid
      type: finding
      lung: laterality
      read_on: date
      long_mm: {attribute: LongAxis, unit: mm}
      short_mm: {attribute: ShortAxis, unit: mm}
      volume_ml: {attribute: Volume, unit: mL}
      surface_cm2: {attribute: SurfaceArea, unit: cm2}
      malignancy: Malignancy
      remark: AnnotationText
    constants: {annotation_system: DEMO LABELLER, generation: MANUAL, site: Lung}
  # Segment statistics of 3D Slicer: the file is named as the series.
  - files: "**/statistics/*.tsv"
    series: {path: "statistics/(?P<series_instance_uid>[0-9.]+)[.]tsv"}
    columns:
      Segment: label
      LabelmapSegmentStatisticsPlugin.volume_mm3: {attribute: Volume, unit: mm3}
      LabelmapSegmentStatisticsPlugin.surface_area_mm2: {attribute: SurfaceArea, unit: mm2}
      LabelmapSegmentStatisticsPlugin.feret_diameter_mm: {attribute: MaximumDiameter3D, unit: mm}
    constants: {annotation_system: 3D Slicer, generation: SEMIAUTOMATIC}
"""


_Row = dict[str, object]


def files(cohort: tuple[Patient, ...]) -> dict[PurePosixPath, bytes]:
    """Every file by its path below the folder of annotations."""
    made: dict[PurePosixPath, bytes] = {PurePosixPath(MAPPING): _MAPPING_TEXT.encode()}
    listed: list[_Row] = []
    for patient, reading in _readings(cohort):
        if "NIFTI" in reading.forms:
            for lesion in reading.lesions:
                made[_path(patient, reading, "NIFTI", lesion)] = _image(reading.grid, {1: lesion}, "mask.nii.gz")
        if "NRRD" in reading.forms:
            path = _path(patient, reading, "NRRD", reading.lesions[0])
            made[path] = _image(reading.grid, dict(enumerate(reading.lesions, start=1)), "mask.seg.nrrd")
            listed.append({"file": path.name, "series_instance_uid": reading.images.series_instance_uid})
        if "STATISTICS_TSV" in reading.forms:
            path = _path(patient, reading, "STATISTICS_TSV", reading.lesions[0])
            made[path] = _table([_statistics(reading, lesion) for lesion in reading.lesions], "\t")
    made[PurePosixPath(_SERIES)] = _table(listed or [{"file": "", "series_instance_uid": ""}])
    made[PurePosixPath(_READERS)] = _table(list(_rows_of_readers(cohort)))
    made[PurePosixPath(_TRUTH)] = _table(list(_truth(cohort)))
    return made


def _readings(cohort: tuple[Patient, ...]) -> Iterator[tuple[Patient, Reading]]:
    for patient in cohort:
        for reading in patient.readings:
            yield patient, reading


def _path(patient: Patient, reading: Reading, form: str, lesion: Lesion) -> PurePosixPath:
    series = reading.images.series_instance_uid
    if form == "NIFTI":
        return PurePosixPath("masks", series, f"{LABELS[lesion.kind][0].lower().replace(' ', '_')}.nii.gz")
    if form == "NRRD":
        return PurePosixPath("slicer", f"{patient.patient_id}_{reading.key}.seg.nrrd")
    return PurePosixPath("statistics", f"{series}.tsv")


def _image(grid: Grid, lesions: Mapping[int, Lesion], name: str) -> bytes:
    """A label map as SimpleITK writes it, of the form that the name ends with; its coordinates are DICOM's."""
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for value, lesion in lesions.items():
        labels[mask(grid, lesion)] = value
    image: Any = SimpleITK.GetImageFromArray(labels)
    image.SetOrigin(grid.corner)
    image.SetSpacing((grid.spacing[1], grid.spacing[0], grid.spacing[2]))
    image.SetDirection(np.column_stack((*grid.plane, grid.normal)).ravel().tolist())
    if name.endswith(".nrrd"):
        for number, (value, lesion) in enumerate(lesions.items()):
            image.SetMetaData(f"Segment{number}_ID", f"Segment_{value}")
            image.SetMetaData(f"Segment{number}_Name", LABELS[lesion.kind][0])
            image.SetMetaData(f"Segment{number}_LabelValue", str(value))
            image.SetMetaData(f"Segment{number}_Layer", "0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        SimpleITK.WriteImage(image, str(path), useCompression=True)
        return path.read_bytes()


def _rows_of_readers(cohort: tuple[Patient, ...]) -> Iterator[_Row]:
    for patient, reading in _readings(cohort):
        if "READERS_CSV" not in reading.forms:
            continue
        day = next(s.date_written for s in patient.studies if s.study_instance_uid == reading.study_instance_uid)
        for lesion in reading.lesions:
            measures = lesion.measures(reading.grid.plane)
            yield {
                "study": reading.study_instance_uid,
                "series": reading.images.series_instance_uid,
                "reader": reading.reader,
                "nodule": lesion.name,
                "nodule_uid": lesion.tracking_uid,
                "type": LABELS[lesion.kind][0],
                "lung": "Left" if lesion.centre[0] > 0 else "Right",
                "read_on": day.isoformat(),
                "long_mm": round(measures.long_axis, 1),
                "short_mm": round(measures.short_axis, 1),
                "volume_ml": round(measures.volume / 1000, 4),
                "surface_cm2": round(measures.surface_area / 100, 3),
                "malignancy": 1 + len(lesion.name) % 5,
                "remark": "seen by nobody: synthetic",
            }


def _statistics(reading: Reading, lesion: Lesion) -> _Row:
    measures = lesion.measures(reading.grid.plane)
    plugin = "LabelmapSegmentStatisticsPlugin"
    return {
        "Segment": LABELS[lesion.kind][0],
        f"{plugin}.voxel_count": int(mask(reading.grid, lesion).sum()),
        f"{plugin}.volume_mm3": round(measures.volume, 3),
        f"{plugin}.volume_cm3": round(measures.volume / 1000, 6),
        f"{plugin}.surface_area_mm2": round(measures.surface_area, 3),
        f"{plugin}.feret_diameter_mm": round(measures.maximum_diameter, 3),
    }


def _truth(cohort: tuple[Patient, ...]) -> Iterator[_Row]:
    """A row for each reading, form and lesion."""
    for patient, reading in _readings(cohort):
        for form in reading.forms:
            for number, lesion in enumerate(reading.lesions, start=1):
                measures = lesion.measures(reading.grid.plane)
                dicom = form in ("SEG", "RTSTRUCT", "SR")
                file = _READERS if form == "READERS_CSV" else "" if dicom else _path(patient, reading, form, lesion)
                yield {
                    "patient_id": patient.patient_id,
                    "form": form,
                    "annotation_series_instance_uid": reading.series_instance_uid(form) if dicom else "",
                    "file": file,
                    "number": number,
                    "study_instance_uid": reading.study_instance_uid,
                    "series_instance_uid": reading.images.series_instance_uid,
                    "reader": reading.reader or reading.algorithm,
                    "fault": reading.fault or "",
                    "lesion": lesion.kind,
                    "tracking_id": lesion.name,
                    "tracking_uid": lesion.tracking_uid,
                    "half_axes_mm": " ".join(f"{half:g}" for half in lesion.half_axes),
                    "volume_mm3": round(measures.volume, 3),
                    "surface_area_mm2": round(measures.surface_area, 3),
                    "long_axis_mm": round(measures.long_axis, 3),
                    "short_axis_mm": round(measures.short_axis, 3),
                    "maximum_diameter_3d_mm": round(measures.maximum_diameter, 3),
                }


def _table(rows: list[_Row], delimiter: str = ",") -> bytes:
    text = StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().encode()
