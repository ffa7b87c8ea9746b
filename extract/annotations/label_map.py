"""Label maps in NIfTI (.nii, .nii.gz) and NRRD (.nrrd, and .seg.nrrd of 3D Slicer), whose series a mapping names.

Such a file knows nothing of DICOM: its voxels count only where its grid is that of the series' images, in any order of
axes and from either end.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from extract.annotations.annotation import Annotation, AnnotationError, AnnotationFile, SeriesNotScannedError, Value
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.dicom_content import LATERALITIES
from extract.annotations.labels import labels
from extract.annotations.mapping import LabelMapEntry
from extract.annotations.mask_measures import MaskMeasures, PlaneFrame
from extract.annotations.plane_grid import distinct
from extract.header import coded_concept

_MOST_VALUES = 1 << 30  # all are in memory
_SPACING_SLACK = 0.01  # of a spacing
_POSITION_SLACK = 0.5  # of the smallest side of a voxel
_OTHER_GRID = "the grid is not that of its series"
_METHOD = "label map on the grid of its series"

sitk.ProcessObject.SetGlobalWarningDisplay(False)  # its warnings go past Python, and quote


@dataclass(frozen=True)
class _Segment:
    """What 3D Slicer writes of one segment: its value in its layer, and its terminology."""

    layer: int
    value: int
    name: str
    category_code: str | None
    finding_code: str | None
    site_code: str | None
    laterality_code: str | None


@dataclass(frozen=True)
class _Planes:
    """The planes of a series in ascending order along their normal: heights (mm), first pixels, and images."""

    heights: list[float]
    origins: NDArray[np.float64]
    images: list[list[str]]
    axes: NDArray[np.float64]  # normal, along a column, along a row
    spacing: tuple[float, float]
    orientation: tuple[float, float, float, float, float, float]


def read(path: Path, context: ReadContext, entry: LabelMapEntry) -> AnnotationFile:
    """Read the labels of a file, one annotation for each value.

    Values that nothing names are annotations without a label. Where a file of 3D Slicer has segments in several layers,
    the number of an annotation is the position of its segment, else the value.

    Raises SeriesNotScannedError, AnnotationError (its grid is another one, it is no label map) and OSError.
    """
    if not entry.series_instance_uid:
        raise AnnotationError("its series is not known", "the mapping names none for it")
    geometry = context.scanned.geometry(entry.series_instance_uid)
    if geometry is None:
        raise SeriesNotScannedError("its series is not scanned", "scan the images, then it is read")
    planes = _planes(geometry)
    image = _image(path)
    voxels, distance = _on_planes(image, planes, geometry)
    method = _METHOD if len(planes.heights) > 1 else f"{_METHOD}, whose only plane extends as far as the file says"
    segments = _segments(image, voxels.shape[-1])
    measures: dict[tuple[int, int], MaskMeasures] = {}
    images: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    origin = planes.origins[0].tolist()
    frame = PlaneFrame((origin[0], origin[1], origin[2]), planes.orientation)
    for plane, slices in enumerate(voxels):
        for layer in range(slices.shape[-1]):
            for value, mask, row, column in labels(_whole(slices[..., layer])):
                key = (layer, value)
                if key not in measures:
                    measures[key] = MaskMeasures(planes.heights, planes.spacing, frame, distance)
                measures[key].add(plane, mask, row, column)
                images[key].update(planes.images[plane])
    keys = sorted(measures.keys() | segments.keys())
    several_layers = len({layer for layer, _ in keys}) > 1
    annotations = []
    for position, key in enumerate(keys, start=1):
        annotation = _annotation(position if several_layers else key[1], key[1], segments.get(key), context, entry)
        annotation.study_instance_uid = geometry.study_instance_uid
        annotation.series_instance_uid = geometry.series_instance_uid
        annotation.frame_of_reference_uid = geometry.frame_of_reference_uid
        annotation.image_orientation_patient = "\\".join(f"{cosine + 0.0:.8g}" for cosine in planes.orientation)
        annotation.images = frozenset(images[key])
        if key in measures:
            annotation.values += measures[key].values(method)
        else:
            annotation.problem = "no voxel"
        annotations.append(annotation)
    return AnnotationFile(annotations)


def _annotation(
    number: int, value: int, segment: _Segment | None, context: ReadContext, entry: LabelMapEntry
) -> Annotation:
    label = context.text(entry.labels.get(value) or (segment.name if segment else None))
    return Annotation(
        number,
        label=label,
        category_code=segment.category_code if segment else None,
        finding_code=segment.finding_code if segment else None,
        site_code=segment.site_code if segment else None,
        laterality_code=segment.laterality_code if segment else None,
        generation=entry.generation,
        algorithm_name=entry.algorithm_name,
        annotation_system=entry.annotation_system,
        annotator_key=context.annotator_key(entry.annotator or ""),
        values=[Value("AnnotationText", label)] if label else [],
    )


def _planes(geometry: SeriesGeometry) -> _Planes:
    """Return the planes of a series. Raises AnnotationError where its images do not state them."""
    if not (geometry.orientation and geometry.spacing and geometry.rows and geometry.columns):
        raise AnnotationError(
            "the geometry of its series is not known",
            "its images differ in orientation, spacing or size, or state none",
        )
    if not geometry.positions:
        raise AnnotationError("the geometry of its series is not known", "no single-frame image of it has a position")
    along_row, along_column = np.array(geometry.orientation).reshape(2, 3)
    axes = np.array([np.cross(along_row, along_column), along_column, along_row])
    by_height = sorted((float(axes[0] @ np.array(p)), p, uid) for uid, p in geometry.positions.items())
    heights = distinct([height for height, _, _ in by_height], 0.05 * min(geometry.spacing))
    images: list[list[str]] = [[] for _ in heights]
    origins: list[tuple[float, float, float]] = []
    plane = -1
    for height, position, uid in by_height:
        if plane + 1 < len(heights) and height >= heights[plane + 1]:
            plane += 1
            origins.append(position)
        images[plane].append(uid)
    return _Planes(heights, np.array(origins), images, axes, geometry.spacing, geometry.orientation)


def _image(path: Path) -> Any:
    """Return a file's image of three dimensions and whole numbers. Raises AnnotationError and OSError."""
    with path.open("rb"):
        pass  # SimpleITK does not tell why a file cannot be opened
    name = path.name.lower()
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if name.endswith(".nrrd") else "NiftiImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size = reader.GetSize()
        if len(size) == 4 and size[3] == 1:
            reader.SetExtractSize([*size[:3], 0])
        elif len(size) != 3:
            raise AnnotationError("it is no volume", f"it has {len(size)} dimensions")
        if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
            raise AnnotationError("it is no label map", "its values are complex numbers")
        if np.prod(size, dtype=float) * reader.GetNumberOfComponents() > _MOST_VALUES:
            raise AnnotationError("exceeds a limit", f"more than {_MOST_VALUES:,} values")
        return reader.Execute()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise AnnotationError("its grid is sheared", "its axes are not perpendicular to each other") from None
        raise AnnotationError("cannot be parsed", "it is no valid file of its format") from None


def _on_planes(image: Any, planes: _Planes, geometry: SeriesGeometry) -> tuple[NDArray[Any], float]:
    """Return the voxels as (plane, row, column, layer) of the series, a view, and the file's distance of planes (mm).

    Raises AnnotationError where its grid is another one.
    """
    direction = np.array(image.GetDirection()).reshape(3, 3)
    toward = planes.axes @ direction  # how far each of the image's axes goes along each of the series'
    order = np.abs(toward).argmax(axis=1)
    signs = np.sign(toward[np.arange(3), order])
    if sorted(order) != [0, 1, 2]:
        raise AnnotationError(_OTHER_GRID, "its axes lie between those of the series")
    size = [image.GetSize()[axis] for axis in order]
    series_size = [len(planes.heights), geometry.rows, geometry.columns]
    if size != series_size:
        written = (" x ".join(map(str, one)) for one in (size, series_size))
        raise AnnotationError(_OTHER_GRID, "planes x rows x columns {} against {}".format(*written))
    spacing = [image.GetSpacing()[axis] for axis in order]
    for mine, theirs, what in zip(spacing[1:], planes.spacing, ("rows", "columns"), strict=True):
        if abs(mine - theirs) > _SPACING_SLACK * theirs:
            raise AnnotationError(_OTHER_GRID, f"distance of {what} {mine:.4g} mm against {theirs:.4g} mm")
    corners, series_corners = _corners(image, order, signs), _series_corners(planes, series_size)
    apart = float(np.linalg.norm(corners - series_corners, axis=-1).max())
    gaps = np.diff(planes.heights)
    slack = _POSITION_SLACK * min(*spacing, *planes.spacing, *gaps[:1])
    if apart > slack:
        raise AnnotationError(_OTHER_GRID, f"corners of planes lie up to {apart:.3f} mm apart, {slack:.3f} mm allowed")
    voxels: NDArray[Any] = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() == 1:
        voxels = voxels[..., np.newaxis]
    voxels = voxels.transpose(*(2 - axis for axis in order), 3)
    return voxels[tuple(slice(None, None, int(sign)) for sign in signs)], float(spacing[0])


def _corners(image: Any, order: NDArray[np.int64], signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corner pixels' centres of each plane (planes, 4, 3), in the series' order of axes."""
    size = image.GetSize()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    steps = direction * np.array(image.GetSpacing())
    origin = np.array(image.GetOrigin())
    for axis, sign in zip(order, signs, strict=True):
        if sign < 0:
            origin = origin + steps[:, axis] * (size[axis] - 1)
    plane, row, column = (steps[:, axis] * sign for axis, sign in zip(order, signs, strict=True))
    origins = origin + np.arange(size[order[0]])[:, np.newaxis] * plane
    return _with_corners(origins, row * (size[order[1]] - 1), column * (size[order[2]] - 1))


def _series_corners(planes: _Planes, size: Sequence[int | None]) -> NDArray[np.float64]:
    down, across = planes.axes[1] * planes.spacing[0], planes.axes[2] * planes.spacing[1]
    return _with_corners(planes.origins, down * ((size[1] or 1) - 1), across * ((size[2] or 1) - 1))


def _with_corners(
    origins: NDArray[np.float64], down: NDArray[np.float64], across: NDArray[np.float64]
) -> NDArray[np.float64]:
    moves = np.array([0 * down, down, across, down + across])
    corners: NDArray[np.float64] = origins[:, np.newaxis] + moves
    return corners


def _whole(plane: NDArray[Any]) -> NDArray[Any]:
    """Return a slice as labels. Raises AnnotationError where its values are none."""
    if plane.dtype.kind == "f" and not (np.isfinite(plane).all() and (plane == np.rint(plane)).all()):
        raise AnnotationError("it is no label map", "its values are fractions, as of probabilities")
    if plane.size and plane.min() < 0:
        raise AnnotationError("it is no label map", "some of its values are negative")
    if plane.size and plane.max() >= 2**31:
        raise AnnotationError("it is no label map", "its values are too large for labels")
    return plane.astype(np.int64) if plane.dtype.kind == "f" else plane


def _segments(image: Any, layers: int) -> dict[tuple[int, int], _Segment]:
    """Return the segments of a .seg.nrrd by layer and value, as 3D Slicer writes them."""
    stated = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys() if re.match("Segment[0-9]+_", key)}
    numbers = sorted({int(key[7:].partition("_")[0]) for key in stated})
    if layers > 1 and not numbers:
        raise AnnotationError("it is no label map", f"a voxel has {layers} values, and no segments are named")
    segments = {}
    for position, number in enumerate(numbers):
        # Before there were layers (Slicer 4.10), each segment had a component of its own, with value 1.
        layer = _integer(stated.get(f"Segment{number}_Layer"), position if layers > 1 else 0)
        value = _integer(stated.get(f"Segment{number}_LabelValue"), 1 if layers > 1 else position + 1)
        name = stated.get(f"Segment{number}_Name") or stated.get(f"Segment{number}_ID") or ""
        segments[layer, value] = _Segment(layer, value, name, **_terminology(stated.get(f"Segment{number}_Tags") or ""))
    return segments


def _terminology(tags: str) -> dict[str, str | None]:
    """Return the codes in a segment's tags, of which one is `TerminologyEntry:context~category~type~modifier~
    context~region~modifier`, each code `scheme^value^meaning`.
    """
    entry = next((tag for tag in tags.split("|") if tag.startswith("TerminologyEntry:")), "")
    parts = [*entry.partition(":")[2].split("~"), *[""] * 7]
    codes = [_code(part) for part in (parts[1], parts[2], parts[3], parts[5], parts[6])]
    sides = [code for code in (codes[4], codes[2]) if code and code.startswith(LATERALITIES)]
    return {
        "category_code": codes[0],
        "finding_code": codes[1],
        "site_code": codes[3],
        "laterality_code": sides[0] if sides else None,
    }


def _code(part: str) -> str | None:
    scheme, value, meaning = [*part.split("^"), "", "", ""][:3]
    return coded_concept(value, scheme, meaning) or None


def _integer(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.strip().isdecimal() else otherwise
