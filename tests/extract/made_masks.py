"""Synthetic series, masks of known shapes, and segmentations of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from made_files import dicom, items
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.uid import SegmentationStorage

from extract.annotations.annotation import Annotation
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.identifiers import Identifiers

STUDY, SERIES, FRAME_OF_REFERENCE = "1.2.3.2", "1.2.3.3", "1.2.3.4"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
Mask = NDArray[np.bool_]
Three = tuple[float, float, float]


@dataclass
class Scanned:
    """Series that are scanned, as the readers look them up."""

    series: Mapping[str, SeriesGeometry] = field(default_factory=dict)

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        return self.series.get(series_instance_uid)

    def series_of(self, sop_instance_uid: str) -> str | None:
        return next((uid for uid, one in self.series.items() if sop_instance_uid in one.positions), None)


def context(*series: SeriesGeometry, **settings: Any) -> ReadContext:
    scanned = Scanned({one.series_instance_uid: one for one in series})
    return ReadContext(Identifiers(b"a key of the tests"), scanned, **settings)


def image_uid(plane: int) -> str:
    return f"1.2.3.9.{plane + 1}"


@dataclass(frozen=True)
class Grid:
    """Planes of a series: `origin` is the first pixel of the plane at height 0; lengths in mm."""

    heights: Sequence[float]
    rows: int = 41
    columns: int = 43
    spacing: tuple[float, float] = (1.0, 1.0)
    orientation: tuple[float, ...] = AXIAL
    origin: Three = (-20.0, -30.0, 40.0)

    @property
    def axes(self) -> NDArray[np.float64]:
        along_row, along_column = np.array(self.orientation).reshape(2, 3)
        axes: NDArray[np.float64] = np.array([np.cross(along_row, along_column), along_column, along_row])
        return axes

    def position(self, plane: int) -> list[float]:
        return [float(x) for x in np.array(self.origin) + self.heights[plane] * self.axes[0]]

    def center(self, *off: float) -> NDArray[np.float64]:
        middle = [
            np.mean(self.heights),
            (self.rows - 1) / 2 * self.spacing[0],
            (self.columns - 1) / 2 * self.spacing[1],
        ]
        center: NDArray[np.float64] = np.array(self.origin) + np.array(middle) @ self.axes + np.array(off or (0, 0, 0))
        return center

    def mask(self, is_inside: Callable[[NDArray[np.float64]], Mask], at: NDArray[np.float64] | None = None) -> Mask:
        """The voxels (planes, rows, columns) whose centres, from `at` (patient, mm) on, are inside."""
        rows, columns = np.arange(self.rows) * self.spacing[0], np.arange(self.columns) * self.spacing[1]
        points = np.stack(np.meshgrid(np.array(self.heights), rows, columns, indexing="ij"), axis=-1)
        return is_inside(np.array(self.origin) + points @ self.axes - (self.center() if at is None else at))

    def geometry(self, **differences: Any) -> SeriesGeometry:
        positions = {image_uid(plane): tuple(self.position(plane)) for plane in range(len(self.heights))}
        stated: dict[str, Any] = {
            "study_instance_uid": STUDY,
            "series_instance_uid": SERIES,
            "frame_of_reference_uid": FRAME_OF_REFERENCE,
            "orientation": self.orientation,
            "spacing": self.spacing,
            "rows": self.rows,
            "columns": self.columns,
            "positions": positions,
        }
        return SeriesGeometry(**(stated | differences))


def ellipsoid(*semi_axes: float) -> Callable[[NDArray[np.float64]], Mask]:
    return lambda points: np.asarray(((points / semi_axes) ** 2).sum(axis=-1) <= 1)


def sphere(radius: float) -> Callable[[NDArray[np.float64]], Mask]:
    return ellipsoid(radius, radius, radius)


def code(value: str, meaning: str, scheme: str = "SCT") -> list[Dataset]:
    return items({"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})


def segment(number: int, label: str, **values: object) -> dict[str, object]:
    return {
        "SegmentNumber": number,
        "SegmentLabel": label,
        "SegmentAlgorithmType": "MANUAL",
        "SegmentedPropertyCategoryCodeSequence": code("49755003", "Morphologically Abnormal Structure"),
        "SegmentedPropertyTypeCodeSequence": code("27925004", "Nodule"),
        **values,
    }


def frame(grid: Grid, plane: int, number: int | None = 1, **groups: object) -> dict[str, object]:
    """The functional groups of one frame; a group that is given as None is left out."""
    own: dict[str, object] = {
        "PlanePositionSequence": items({"ImagePositionPatient": [round(x, 6) for x in grid.position(plane)]}),
        "SegmentIdentificationSequence": items({"ReferencedSegmentNumber": number}) if number else None,
        "DerivationImageSequence": items(
            {"SourceImageSequence": items({"ReferencedSOPInstanceUID": image_uid(plane)})}
        ),
        **groups,
    }
    return {keyword: value for keyword, value in own.items() if value is not None}


def segmentation(
    grid: Grid,
    frames: Iterable[tuple[dict[str, object], NDArray[Any]]],
    segments: Sequence[Mapping[str, object]] = (segment(1, "Nodule"),),
    shared: Mapping[str, object] | None = None,
    measures: Mapping[str, object] | None = None,
    **values: object,
) -> FileDataset:
    """A synthetic segmentation of frames (functional groups and pixels), of one bit unless the values say otherwise."""
    groups, pixels = zip(*frames, strict=True)
    stack = np.stack(pixels)
    bits = int(str(values.get("BitsAllocated", 1)))
    data = np.packbits(stack.ravel() != 0, bitorder="little") if bits == 1 else stack.astype(f"<u{bits // 8}")
    encoded = data.tobytes()
    of_all = {
        "PixelMeasuresSequence": items({"PixelSpacing": list(grid.spacing), **(measures or {})}),
        "PlaneOrientationSequence": items({"ImageOrientationPatient": [round(x, 8) for x in grid.orientation]}),
    }
    dataset = dicom(
        **{
            "SOPClassUID": SegmentationStorage,
            "StudyInstanceUID": STUDY,
            "SeriesInstanceUID": "1.2.3.8",
            "Modality": "SEG",
            "FrameOfReferenceUID": FRAME_OF_REFERENCE,
            "ReferencedSeriesSequence": items({"SeriesInstanceUID": SERIES}),
            "SegmentationType": "BINARY",
            "NumberOfFrames": len(groups),
            "Rows": stack.shape[1],
            "Columns": stack.shape[2],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "PixelRepresentation": 0,
            "BitsAllocated": bits,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "SegmentSequence": items(*segments),
            "SharedFunctionalGroupsSequence": items(of_all if shared is None else shared),
            "PerFrameFunctionalGroupsSequence": items(*groups),
            **values,
        }
    )
    dataset.add_new(0x7FE00010, "OB" if bits < 16 else "OW", encoded + bytes(len(encoded) % 2))
    return dataset


def saved(dataset: Dataset, folder: Path, name: str = "seg.dcm") -> Path:
    path = folder / name
    dataset.save_as(path, enforce_file_format=True)
    return path


def numbers(annotation: Annotation) -> dict[str, float]:
    return {value.name: value.number for value in annotation.values if value.number is not None}


def texts(annotation: Annotation) -> dict[str, str]:
    return {value.name: value.text for value in annotation.values}
