"""DICOM Segmentation (PS3.3 A.51, C.8.20): segments as bits, as fractions, and as a label map.

The pixels are read frame by frame and measured plane by plane.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from extract.annotations.annotation import Annotation, AnnotationError, AnnotationFile, Generation, Value
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.dicom_content import LATERALITIES, code_text, content_datetime, first_code, items, system, text
from extract.annotations.frame_pixels import FramePixels, frame_pixels, plain_file
from extract.annotations.functional_groups import FUNCTIONAL_GROUPS, PER_FRAME, FrameGroups, frame_groups
from extract.annotations.labels import labels
from extract.annotations.mask_measures import MaskMeasures, PlaneFrame
from extract.annotations.plane_grid import UNKNOWN_DISTANCE, PlaneEvidence, PlaneGrid, distinct, plane_grid
from extract.data_set import ReadFile, read_file
from extract.limits import ELEMENT_BYTES

LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
SURFACE_STORAGE = "1.2.840.10008.5.1.4.1.1.66.5"
GENERATIONS: dict[str, Generation] = {
    "AUTOMATIC": "AUTOMATIC",
    "SEMIAUTOMATIC": "SEMIAUTOMATIC",
    "MANUAL": "MANUAL",
}

_ANGLE = 1e-3  # by which cosines may differ
_SAME_PLANE = 0.05  # of the smaller side of a pixel: what is less apart is one plane
_FARTHEST = 4096  # pixels; what lies between two frames is in memory
_OFF_GRID = 0.25  # of a pixel: by how much a frame may miss the grid of the others

Six = tuple[float, float, float, float, float, float]
_Mask = NDArray[np.bool_]


class _UnmeasuredError(Exception):
    """A segment cannot be measured; the argument says why."""


@dataclass
class _Stack:
    """Frames of one orientation and spacing; `origin` is the position of the first one met."""

    orientation: Six
    spacing: tuple[float, float]
    origin: NDArray[np.float64]
    heights: dict[int, float] = field(default_factory=dict)  # along the normal, by frame
    grid: PlaneGrid | None = None
    planes: dict[int, int] = field(default_factory=dict)  # by frame
    offsets: dict[int, tuple[float, float]] = field(default_factory=dict)  # rows, columns, by frame

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        along_row, along_column = np.array(self.orientation).reshape(2, 3)
        return np.array([np.cross(along_row, along_column), along_column, along_row])


def read(path: Path, context: ReadContext) -> AnnotationFile:
    """Read the segments of a file.

    Raises AnnotationError, LimitError, OSError, and what pydicom raises on bytes that are no data set.
    """
    with warnings.catch_warnings(action="ignore"), plain_file(path) as file:  # pydicom's warnings quote values
        header = read_partial(
            file, lambda tag, vr, length: tag >= BaseTag(PER_FRAME), defer_size=ELEMENT_BYTES, force=True
        )
        file.seek(0)
        groups = read_file(file, FUNCTIONAL_GROUPS)
        return _Segmentation(file, header, groups, context).read()


class _Segmentation:
    """One file while it is read."""

    def __init__(self, file: BinaryIO, header: Dataset, read: ReadFile, context: ReadContext) -> None:
        self.file, self.header, self.file_read, self.context = file, header, read, context
        self.needs_series = False
        is_label_map = text(header, "SOPClassUID") == LABEL_MAP_STORAGE
        self.kind = "LABELMAP" if is_label_map else text(header, "SegmentationType")
        if text(header, "SOPClassUID") == SURFACE_STORAGE:
            raise AnnotationError("it holds surfaces", "meshes are not measured; a segmentation of voxels would be")
        if self.kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
            raise AnnotationError("its type is not known", "SegmentationType is none of BINARY, FRACTIONAL, LABELMAP")
        self.frames = frame_groups(read.data_set)
        self.number_of_frames = _integer(header, "NumberOfFrames") or 1

    def read(self) -> AnnotationFile:
        annotations = self._segments()
        try:
            self._check()
            with frame_pixels(self.file, self.file_read, self.header, self.number_of_frames) as pixels:
                measure = self._measure_label_map if self.kind == "LABELMAP" else self._measure_segments
                measure(pixels, annotations)
        except (_UnmeasuredError, AnnotationError) as error:
            problem = ": ".join(str(part) for part in error.args if part)
            self._leave_unmeasured(annotations, range(len(self.frames)), problem)
        for annotation in annotations.values():
            annotation.study_instance_uid, annotation.series_instance_uid = self._series_of(annotation.images)
        return AnnotationFile([annotations[number] for number in sorted(annotations)], self.needs_series)

    # What the header says.

    def _segments(self) -> dict[int, Annotation]:
        """Return the annotations by number, not yet measured."""
        segments = items(self.header, "SegmentSequence")
        if not segments:
            raise AnnotationError("it has no segments", "SegmentSequence is absent or empty")
        creator = text(self.header, "ContentCreatorName")
        self.context.also_identifying([creator])
        background = _integer(self.header, "PixelPaddingValue") or 0
        annotations: dict[int, Annotation] = {}
        for position, segment in enumerate(segments, start=1):
            stated = _integer(segment, "SegmentNumber")
            number = position if stated is None else stated
            if self.kind == "LABELMAP" and number == background:
                continue
            if number in annotations:
                raise AnnotationError("its segments cannot be told apart", "two have the same SegmentNumber")
            annotations[number] = self._annotation(number, segment, creator)
        return annotations

    def _annotation(self, number: int, segment: Dataset, creator: str = "") -> Annotation:
        context = self.context
        label = context.text(text(segment, "SegmentLabel"))
        regions = items(segment, "AnatomicRegionSequence")
        site_modifiers = _codes((m for r in regions for m in items(r, "AnatomicRegionModifierSequence")), context)
        modifiers = _codes(items(segment, "SegmentedPropertyTypeModifierCodeSequence"), context)
        types = items(segment, "SegmentedPropertyTypeCodeSequence")
        modifiers += _codes((m for t in types for m in items(t, "SegmentedPropertyTypeModifierCodeSequence")), context)
        identified = items(segment, "SegmentationAlgorithmIdentificationSequence")
        algorithms = [text(segment, "SegmentAlgorithmName"), *(text(one, "AlgorithmName") for one in identified)]
        values = [Value("AnnotationText", label)] if label else []
        for name, codes in (("AnatomicRegionModifier", site_modifiers), ("SegmentedPropertyTypeModifier", modifiers)):
            others = (code for code in codes if not code.startswith(LATERALITIES))
            values += [Value(name, code.split("^")[2] or code.split("^")[0], value_code=code) for code in others]
        return Annotation(
            number,
            label=label,
            finding_code=first_code(segment, "SegmentedPropertyTypeCodeSequence", context),
            category_code=first_code(segment, "SegmentedPropertyCategoryCodeSequence", context),
            site_code=first_code(segment, "AnatomicRegionSequence", context) or self._site(number),
            laterality_code=next((c for c in site_modifiers + modifiers if c.startswith(LATERALITIES)), None),
            tracking_id=context.text(text(segment, "TrackingID")),
            tracking_uid=text(segment, "TrackingUID") or None,
            frame_of_reference_uid=text(self.header, "FrameOfReferenceUID") or None,
            annotated_at=content_datetime(self.header),
            generation=GENERATIONS.get(text(segment, "SegmentAlgorithmType").upper()),
            algorithm_name=context.text(next(filter(None, algorithms), None)),
            annotation_system=system(self.header, context),
            annotator_key=context.annotator_key(creator),
            values=values,
        )

    def _site(self, number: int) -> str | None:
        """Return the anatomic region that the frames of a segment state."""
        sites = (frame.site_code for frame in self.frames if frame.segment in (number, None) and frame.site_code)
        return next(sites, None)

    @cached_property
    def _stated_series(self) -> tuple[list[tuple[str | None, str]], dict[str, tuple[str | None, str]]]:
        """Return the series that the file refers to, with their studies, and those of single images."""
        stated: list[tuple[str | None, str]] = []
        of_image: dict[str, tuple[str | None, str]] = {}
        studies = [self.header, *items(self.header, "StudiesContainingOtherReferencedInstancesSequence")]
        for study in studies:
            for series in items(study, "ReferencedSeriesSequence"):
                uid = text(series, "SeriesInstanceUID")
                if not uid:
                    continue
                pair = (text(study, "StudyInstanceUID") or None, uid)
                stated.append(pair)
                for keyword in ("ReferencedInstanceSequence", "ReferencedSOPSequence"):
                    of_image |= {text(image, "ReferencedSOPInstanceUID"): pair for image in items(series, keyword)}
        return stated, of_image

    def _series_of(self, images: Iterable[str]) -> tuple[str | None, str | None]:
        """Return study and series of images: the series of most, or the only one that the file refers to."""
        stated, of_image = self._stated_series
        images = list(images)
        found = Counter(of_image[image] for image in images if image in of_image)
        if found:
            return min(found.items(), key=lambda item: (-item[1], item[0][1]))[0]
        if len(set(stated)) == 1:
            return stated[0]
        known = Counter(filter(None, map(self.context.scanned.series_of, images)))
        if not known:
            return None, None
        series = min(known.items(), key=lambda item: (-item[1], item[0]))[0]
        return next((pair for pair in stated if pair[1] == series), (None, series))

    @cached_property
    def _geometry(self) -> tuple[SeriesGeometry | None, bool]:
        """The geometry of the series that the frames lie on, and whether it is to be known when that is scanned."""
        series = self._series_of(dict.fromkeys(image for frame in self.frames for image in frame.images or ()))[1]
        found = self.context.scanned.geometry(series) if series else None
        return found, series is not None and found is None

    # Where the frames lie.

    def _check(self) -> None:
        """Raise _UnmeasuredError where no segment can be measured."""
        if "TotalPixelMatrixColumns" in self.header or any(frame.is_slide for frame in self.frames):
            raise _UnmeasuredError("a segmentation of slide microscopy, which has no patient coordinates")
        if len(self.frames) != self.number_of_frames:
            raise _UnmeasuredError(
                f"its functional groups are not those of its frames: {len(self.frames)} for {self.number_of_frames}"
            )

    @cached_property
    def _stacks(self) -> tuple[list[_Stack], dict[int, str]]:
        """Return the frames as stacks of planes, and of those that cannot be placed the reason."""
        stacks: list[_Stack] = []
        problems: dict[int, str] = {}
        for number, frame in enumerate(self.frames):
            try:
                position, orientation, spacing = self._place(frame)
            except _UnmeasuredError as error:
                problems[number] = str(error)
                continue
            stack = next((s for s in stacks if _alike(s.orientation, orientation, s.spacing, spacing)), None)
            if stack is None:
                stack = _Stack(orientation, spacing, position)
                stacks.append(stack)
            height, row, column = stack.axes @ (position - stack.origin)
            stack.heights[number] = float(height)
            stack.offsets[number] = (float(row) / spacing[0], float(column) / spacing[1])
        for stack in stacks:
            self._lay_planes(stack)
        return stacks, problems

    def _place(self, frame: FrameGroups) -> tuple[NDArray[np.float64], Six, tuple[float, float]]:
        """Return a frame's position, orientation and spacing, from its images where it states none itself."""
        position, orientation, spacing = frame.position, frame.orientation, frame.spacing
        if not (position and orientation and spacing):
            images, is_missing = self._geometry
            self.needs_series = self.needs_series or is_missing
            shape = (_integer(self.header, "Rows"), _integer(self.header, "Columns"))
            if images is not None and (images.rows, images.columns) == shape:
                found = (images.positions.get(image) for image in frame.images or ())
                position = position or next(filter(None, found), None)
                orientation, spacing = orientation or images.orientation, spacing or images.spacing
        if not position:
            raise _UnmeasuredError("its frames state no position, and that of their images is not known")
        if not orientation:
            raise _UnmeasuredError("its frames state no orientation, and that of their images is not known")
        if not spacing or min(spacing) <= 0:
            raise _UnmeasuredError("its frames state no spacing of pixels, and that of their images is not known")
        cosines = np.array(orientation).reshape(2, 3)
        if np.abs(cosines @ cosines.T - np.eye(2)).max() > 0.01:
            raise _UnmeasuredError("its orientation is not two directions perpendicular to each other")
        row = cosines[0] / np.linalg.norm(cosines[0])
        column = cosines[1] - row * (cosines[1] @ row)
        six = np.concatenate([row, column / np.linalg.norm(column)]).tolist()
        return np.array(position), (six[0], six[1], six[2], six[3], six[4], six[5]), (spacing[0], spacing[1])

    def _lay_planes(self, stack: _Stack) -> None:
        """Find the grid of planes of a stack, and the plane of each frame."""
        heights = distinct(list(stack.heights.values()), _SAME_PLANE * min(stack.spacing))
        images, is_missing = self._geometry
        along: list[float] | None = None
        if images is not None and images.orientation and _alike(images.orientation, stack.orientation):
            along = [float(stack.axes[0] @ (np.array(p) - stack.origin)) for p in images.positions.values()]
            along = distinct(along, _SAME_PLANE * min(stack.spacing))
        first = self.frames[next(iter(stack.heights))]
        evidence = PlaneEvidence(along, first.between, first.thickness, is_missing)
        stack.grid = plane_grid(heights, evidence)
        if is_missing and (stack.grid.is_in_plane or not first.between):
            self.needs_series = True
        nearest = np.searchsorted(heights, [h - _SAME_PLANE * min(stack.spacing) for h in stack.heights.values()])
        for number, plane in zip(stack.heights, nearest.tolist(), strict=True):
            stack.planes[number] = stack.grid.indices[min(plane, len(heights) - 1)]

    def _stack_of(self, frames: Sequence[int]) -> _Stack:
        """Return the stack that frames lie in, all in the one grid. Raises _UnmeasuredError."""
        stacks, problems = self._stacks
        problem = next((problems[number] for number in frames if number in problems), None)
        if problem:
            raise _UnmeasuredError(problem)
        found = [stack for stack in stacks if any(number in stack.planes for number in frames)]
        if len(found) > 1:
            raise _UnmeasuredError("its frames differ in orientation or in the spacing of pixels")
        offsets = np.array([found[0].offsets[number] for number in frames])
        offsets -= offsets[0]
        if np.abs(offsets - np.rint(offsets)).max() > _OFF_GRID:
            raise _UnmeasuredError("its planes are shifted against each other, as those of a tilted gantry")
        if np.abs(offsets).max() > _FARTHEST:
            raise _UnmeasuredError(f"its frames lie more than {_FARTHEST:,} pixels apart")
        return found[0]

    # The pixels.

    def _measure_segments(self, pixels: FramePixels, annotations: dict[int, Annotation]) -> None:
        frames: defaultdict[int, list[int]] = defaultdict(list)
        for number, frame in enumerate(self.frames):
            if frame.segment is None and len(annotations) > 1:
                raise _UnmeasuredError("its frames do not say which segment they are of")
            frames[next(iter(annotations)) if frame.segment is None else frame.segment].append(number)
        is_marked, method, empty = self._rule(pixels.bits)
        for number in frames:
            if number not in annotations:
                annotations[number] = self._annotation(number, Dataset())
        for number, annotation in annotations.items():
            if not frames[number]:
                annotation.problem = empty
                continue
            try:
                stack = self._stack_of(frames[number])
            except _UnmeasuredError as error:
                self._leave_unmeasured({number: annotation}, frames[number], str(error))
                continue
            measures, images = _measures(stack), set[str]()
            for plane, numbers in _by_plane(stack, frames[number]):
                parts = []
                for frame_number in numbers:
                    mask = is_marked(pixels.frame(frame_number))
                    if mask.any():
                        images.update(self.frames[frame_number].images or ())
                        parts.append((mask, *_offset(stack, frame_number)))
                if parts:
                    measures.add(plane, *_union(parts))
            self._finish(annotation, stack, measures, images, method, empty)

    def _rule(self, bits: int) -> tuple[Callable[[NDArray[Any]], _Mask], str | None, str]:
        """Return what makes a pixel one of the segment, how that is said, and what is said where there is none."""
        if self.kind == "BINARY" or bits == 1:
            return (lambda frame: frame.astype(bool)), None, "no voxel"
        largest = _integer(self.header, "MaximumFractionalValue")
        if not largest:
            raise _UnmeasuredError("MaximumFractionalValue, which fractions are of, is missing")
        threshold = self.context.fractional_threshold
        nature = text(self.header, "SegmentationFractionalType").lower() or "fraction"
        least = max(threshold * largest, 1)
        return (
            (lambda frame: frame >= least),
            f"{nature} of {threshold:g} or more",
            f"no voxel of {threshold:g} or more",
        )

    def _measure_label_map(self, pixels: FramePixels, annotations: dict[int, Annotation]) -> None:
        if pixels.bits == 1:
            raise _UnmeasuredError("a label map of one bit a pixel")
        background = _integer(self.header, "PixelPaddingValue") or 0
        stack = self._stack_of(range(len(self.frames)))
        measures: dict[int, MaskMeasures] = {}
        images: defaultdict[int, set[str]] = defaultdict(set)
        for plane, numbers in _by_plane(stack, range(len(self.frames))):
            parts: defaultdict[int, list[tuple[_Mask, int, int]]] = defaultdict(list)
            for frame_number in numbers:
                down, right = _offset(stack, frame_number)
                for label, mask, row, column in labels(pixels.frame(frame_number), background):
                    parts[label].append((mask, row + down, column + right))
                    images[label].update(self.frames[frame_number].images or ())
            for label, masks in parts.items():
                if label not in measures:
                    measures[label] = _measures(stack)
                measures[label].add(plane, *_union(masks))
        for label in measures:
            if label not in annotations:
                annotations[label] = self._annotation(label, Dataset())
        for label, annotation in annotations.items():
            self._finish(annotation, stack, measures.get(label), images[label], None, "no voxel")

    def _finish(
        self,
        annotation: Annotation,
        stack: _Stack,
        measures: MaskMeasures | None,
        images: Iterable[str],
        method: str | None,
        empty: str,
    ) -> None:
        annotation.images = frozenset(images)
        annotation.image_orientation_patient = "\\".join(f"{cosine + 0.0:.8g}" for cosine in stack.orientation)
        grid = stack.grid
        methods = [how for how in (method, grid.method if grid else None) if how]
        values = measures.values("; ".join(methods) or None) if measures else []
        annotation.values += values
        if not values:
            annotation.problem = empty
        elif grid and grid.is_in_plane:
            annotation.problem = UNKNOWN_DISTANCE

    def _leave_unmeasured(self, annotations: dict[int, Annotation], frames: Iterable[int], problem: str) -> None:
        for number, annotation in annotations.items():
            own = (self.frames[f] for f in frames if self.frames[f].segment in (number, None))
            annotation.images = frozenset(image for frame in own for image in frame.images or ())
            annotation.problem = problem


def _codes(coded: Iterable[Dataset], context: ReadContext) -> list[str]:
    return [code for item in coded if (code := code_text(item, context))]


def _integer(dataset: Dataset, keyword: str) -> int | None:
    try:
        return int(text(dataset, keyword))
    except ValueError:
        return None


def _alike(one: Sequence[float], other: Sequence[float], *spacings: Sequence[float]) -> bool:
    """Tell whether two orientations are the same, and two spacings where they are given."""
    if max(abs(a - b) for a, b in zip(one, other, strict=True)) > _ANGLE:
        return False
    return not spacings or max(abs(a / b - 1) for a, b in zip(*spacings, strict=True)) <= _ANGLE


def _measures(stack: _Stack) -> MaskMeasures:
    grid = stack.grid
    assert grid is not None
    origin = (stack.origin + stack.axes[0] * grid.positions[0]).tolist()
    frame = PlaneFrame((origin[0], origin[1], origin[2]), stack.orientation)
    return MaskMeasures(grid.positions, stack.spacing, frame, grid.thickness, grid.is_in_plane)


def _by_plane(stack: _Stack, frames: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    planes: defaultdict[int, list[int]] = defaultdict(list)
    for number in frames:
        planes[stack.planes[number]].append(number)
    yield from sorted(planes.items())


def _offset(stack: _Stack, number: int) -> tuple[int, int]:
    row, column = stack.offsets[number]
    return round(row), round(column)


def _union(parts: list[tuple[_Mask, int, int]]) -> tuple[_Mask, int, int]:
    """Return masks that lie at (first row, first column) as one."""
    if len(parts) == 1:
        return parts[0]
    top, left = min(row for _, row, _ in parts), min(column for _, _, column in parts)
    bottom = max(row + mask.shape[0] for mask, row, _ in parts)
    right = max(column + mask.shape[1] for mask, _, column in parts)
    union = np.zeros((bottom - top, right - left), dtype=bool)
    for mask, row, column in parts:
        union[row - top : row - top + mask.shape[0], column - left : column - left + mask.shape[1]] |= mask
    return union, top, left
