"""RT Structure Sets (PS3.3 A.19.3): structures and lesions by their contours, each a region of interest (ROI)."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from extract.annotations.annotation import (
    MILLIMETRE,
    Annotation,
    AnnotationError,
    AnnotationFile,
    Generation,
    NotAnAnnotationError,
    Value,
    measured,
)
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.contour_stream import ContourError, RoiContours, StructureSet, open_structure_set
from extract.annotations.dicom_content import (
    LATERALITIES,
    code_text,
    content_datetime,
    first_code,
    items,
    person_names,
    system,
    text,
)
from extract.annotations.mask_measures import written
from extract.annotations.outlines import measure

CUBIC_CENTIMETRE = "cm3"

# PS3.3 C.8.8.6.3; the last as the standard spells it and as files do.
_POINT, _OPEN, _XOR = "POINT", ("OPEN_PLANAR", "OPEN_NONPLANAR"), ("CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR")
_CLOSED = ("CLOSED_PLANAR", *_XOR)
_GENERATIONS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
_TEXTS = ("ROIDescription", "ROIObservationLabel", "ROIObservationDescription")


def read(path: Path, context: ReadContext) -> AnnotationFile:
    """Read a file. What is measured, and how, is said in `outlines.measure`.

    A ROI whose contours cannot be taken has a problem and no measures; the others are unharmed by it. A point has its
    place, open contours their length, and no other measures.

    Raises NotAnAnnotationError (no structure set), AnnotationError (no ROI in it, or bytes that cannot be parsed) and
    OSError (the file cannot be read). No message holds a value of the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_structure_set(path) as structure_set:
            return _Reader(structure_set, context).read()


@dataclass
class _Roi:
    """What a file says of one ROI, in StructureSetROISequence and of the same number elsewhere."""

    number: int | None
    declared: Dataset = field(default_factory=Dataset)
    observations: list[Dataset] = field(default_factory=list)
    contours: list[RoiContours] = field(default_factory=list)
    problem: str | None = None

    @property
    def images(self) -> frozenset[str]:
        return frozenset[str]().union(*(item.images for item in self.contours))

    def text(self, keyword: str) -> str:
        return next((value for item in self._items if (value := text(item, keyword))), "")

    def code(self, keyword: str, context: ReadContext) -> str | None:
        return next((code for item in self._items if (code := first_code(item, keyword, context))), None)

    def site_modifiers(self, context: ReadContext) -> list[str]:
        sites = (site for item in self._items for site in items(item, "AnatomicRegionSequence"))
        modifiers = (modifier for site in sites for modifier in items(site, "AnatomicRegionModifierSequence"))
        return [code for modifier in modifiers if (code := code_text(modifier, context))]

    @property
    def _items(self) -> list[Dataset]:
        return [*self.observations, self.declared]


@dataclass(frozen=True)
class _ReferencedSeries:
    """An item of RTReferencedSeriesSequence, and what it lies in."""

    frame_of_reference_uid: str
    study_instance_uid: str
    series_instance_uid: str
    images: frozenset[str]


class _Reader:
    """Reads one file."""

    def __init__(self, structure_set: StructureSet, context: ReadContext) -> None:
        self.structure_set = structure_set
        self.header = structure_set.header
        self.context = context
        self.needs_series = False
        self.series = list(_referenced_series(self.header))

    def read(self) -> AnnotationFile:
        sop_class = text(self.header, "SOPClassUID")
        if sop_class and sop_class != RTStructureSetStorage:
            raise NotAnAnnotationError("not an RT Structure Set")
        rois = _rois(self.structure_set)
        if not rois:
            raise AnnotationError("no ROI in the structure set", None)
        for keyword in ("StructureSetROISequence", "RTROIObservationsSequence"):
            for item in items(self.header, keyword):
                self.context.also_identifying(person_names(item))
        last = max((roi.number or 0 for roi in rois), default=0)
        annotations = []
        for roi in rois:
            if roi.number is None:
                last += 1
            annotations.append(self._annotation(roi, last if roi.number is None else roi.number))
        return AnnotationFile(annotations, self.needs_series)

    def _annotation(self, roi: _Roi, number: int) -> Annotation:
        context = self.context
        generation = text(roi.declared, "ROIGenerationAlgorithm").upper()
        annotation = Annotation(
            number,
            label=context.text(text(roi.declared, "ROIName")),
            finding_code=roi.code("RTROIIdentificationCodeSequence", context)
            or roi.code("SegmentedPropertyTypeCodeSequence", context),
            category_code=context.text(roi.text("RTROIInterpretedType"))
            or roi.code("SegmentedPropertyCategoryCodeSequence", context),
            site_code=roi.code("AnatomicRegionSequence", context),
            laterality_code=next((c for c in roi.site_modifiers(context) if c.startswith(LATERALITIES)), None),
            tracking_id=context.text(roi.text("TrackingID")),
            tracking_uid=roi.text("TrackingUID") or None,
            annotated_at=content_datetime(self.header, "StructureSetDate", "StructureSetTime"),
            generation=cast(Generation, generation) if generation in _GENERATIONS else None,
            algorithm_name=self._algorithm(roi),
            annotation_system=system(self.header, context),
            annotator_key=context.annotator_key(roi.text("ROIInterpreter")),
            problem=roi.problem,
            images=roi.images,
            values=self._stated(roi),
        )
        geometry = self._take_series(annotation, roi)
        if annotation.problem is None:
            try:
                self._measure(annotation, roi, geometry)
            except ContourError as error:
                annotation.problem = str(error)
        return annotation

    def _stated(self, roi: _Roi) -> list[Value]:
        texts = {
            "AnnotationText": text(roi.declared, "ROIName"),
            "StructureSetLabel": text(self.header, "StructureSetLabel"),
            **{keyword: roi.text(keyword) for keyword in _TEXTS},
        }
        values = [Value(name, masked) for name, value in texts.items() if (masked := self.context.text(value))]
        volume = text(roi.declared, "ROIVolume")
        if number := _number(volume):
            values.append(Value("ROIVolume", volume, number, CUBIC_CENTIMETRE))
        return values

    def _algorithm(self, roi: _Roi) -> str | None:
        """Return the name of what generated a ROI, else the words by which somebody says how it was generated."""
        named = [
            " ".join(filter(None, (text(item, "AlgorithmName"), text(item, "AlgorithmVersion"))))
            for item in items(roi.declared, "ROIDerivationAlgorithmIdentificationSequence")
        ]
        return self.context.text(next(filter(None, named), text(roi.declared, "ROIGenerationDescription")))

    def _take_series(self, annotation: Annotation, roi: _Roi) -> SeriesGeometry | None:
        """Take the series that a ROI lies on, and return its geometry if it is scanned.

        It is the one that the file states for the ROI's frame of reference; of several, the one of the images that
        the contours name.
        """
        frame = text(roi.declared, "ReferencedFrameOfReferenceUID")
        stated = [series for series in self.series if series.frame_of_reference_uid == frame] or self.series
        of_images = [series for series in stated if series.images & annotation.images]
        uids = {series.series_instance_uid for series in stated}
        if len(uids) != 1 and annotation.images:
            uids = {series.series_instance_uid for series in of_images} or set(
                filter(None, map(self.context.scanned.series_of, annotation.images))
            )
        annotation.frame_of_reference_uid = frame or next((s.frame_of_reference_uid for s in stated), "") or None
        if len(uids) != 1:
            # To be found when they are scanned: then it is known whose images these are.
            missing = [self.context.scanned.geometry(series.series_instance_uid) is None for series in stated]
            self.needs_series |= any(missing)
            return None
        (uid,) = uids
        annotation.series_instance_uid = uid
        annotation.study_instance_uid = next(
            (s.study_instance_uid for s in stated if s.series_instance_uid == uid and s.study_instance_uid), None
        )
        geometry = self.context.scanned.geometry(uid)
        if geometry is not None:
            annotation.study_instance_uid = geometry.study_instance_uid
        else:
            self.needs_series = True
        return geometry

    def _measure(self, annotation: Annotation, roi: _Roi, geometry: SeriesGeometry | None) -> None:
        contours = [contour for item in roi.contours for contour in item.contours]
        kinds = Counter(contour.kind for contour in contours)
        if not contours:
            raise ContourError("no contour")
        if not any(kinds[kind] for kind in _CLOSED):
            self._measure_open(annotation, roi)
            return
        closed: list[NDArray[np.floating]] = []
        for contour in contours:
            if contour.kind in _CLOSED:
                points = self.structure_set.points(contour)
                if len(points) > 2:  # what encloses nothing is left behind by tools that cut contours
                    closed.append(points.astype(np.float32))  # 0.03 micrometres off
        measures = measure(closed, geometry, repeats_count=any(kinds[kind] for kind in _XOR))
        annotation.values += measures.values
        annotation.problem = measures.problem
        annotation.image_orientation_patient = "\\".join(f"{round(c, 6) + 0.0:.6g}" for c in measures.orientation)

    def _measure_open(self, annotation: Annotation, roi: _Roi) -> None:
        contours = [contour for item in roi.contours for contour in item.contours]
        lines = [self.structure_set.points(contour) for contour in contours if contour.kind in _OPEN]
        places = [self.structure_set.points(contour) for contour in contours if contour.kind == _POINT]
        if lines:
            annotation.problem = "open contours"
            length = sum(float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in lines)
            annotation.values.append(measured("Length", length, MILLIMETRE, f"open contours; {len(lines)} together"))
        elif places:
            annotation.problem = "points only"
            if sum(map(len, places)) == 1:
                place = "\\".join(map(written, places[0][0]))
                annotation.values.append(Value("Centroid", place, None, MILLIMETRE, method="the point itself"))
        else:
            annotation.problem = "contours of an unknown type"


def _rois(structure_set: StructureSet) -> list[_Roi]:
    """Put together what a file says of each ROI; contours of a number that is not declared are a ROI, too."""
    header = structure_set.header
    rois = [_Roi(_integer(text(item, "ROINumber")), item) for item in items(header, "StructureSetROISequence")]
    repeated = {number for number, times in Counter(roi.number for roi in rois).items() if times > 1}
    for roi in rois:
        if roi.number is None or roi.number in repeated:
            roi.problem = "its ROINumber is missing, or that of another ROI, so its contours are not known"
    by_number = {roi.number: roi for roi in rois if roi.problem is None}
    for found in structure_set.rois:
        if found.number is not None and found.number in repeated:
            continue
        if found.number is None or found.number not in by_number:
            rois.append(_Roi(found.number))
            by_number[found.number] = rois[-1]
        by_number[found.number].contours.append(found)
    for item in items(header, "RTROIObservationsSequence"):
        if observed := by_number.get(_integer(text(item, "ReferencedROINumber"))):
            observed.observations.append(item)
    return rois


def _referenced_series(header: Dataset) -> list[_ReferencedSeries]:
    return [
        _ReferencedSeries(
            text(frame, "FrameOfReferenceUID"),
            text(study, "ReferencedSOPInstanceUID"),
            uid,
            frozenset(text(image, "ReferencedSOPInstanceUID") for image in items(series, "ContourImageSequence")),
        )
        for frame in items(header, "ReferencedFrameOfReferenceSequence")
        for study in items(frame, "RTReferencedStudySequence")
        for series in items(study, "RTReferencedSeriesSequence")
        if (uid := text(series, "SeriesInstanceUID"))
    ]


def _integer(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[+-]?[0-9]{1,10}", value) else None


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
