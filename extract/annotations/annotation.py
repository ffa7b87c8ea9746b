"""What a file of annotations says: the lesions or structures it marks, with their measures, and where it says so.

Coordinates are of the DICOM patient system, in mm (PS3.3 C.7.6.2.1.1). Codes are written `value^scheme^meaning`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Origin = Literal["stated", "measured"]
Generation = Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"]

MILLIMETRE, SQUARE_MILLIMETRE, CUBIC_MILLIMETRE = "mm", "mm2", "mm3"  # UCUM


class NotAnAnnotationError(Exception):
    """The file marks nothing by its nature, as a dose report; the argument is the reason, without a value of it."""


class AnnotationError(Exception):
    """The file should hold annotations and none can be taken; the arguments are reason and detail, without values."""


class SeriesNotScannedError(AnnotationError):
    """Nothing can be taken before the series that the annotations lie on is scanned; the file is read again then."""


@dataclass(frozen=True)
class Value:
    """One attribute of an annotation: what the file states, or what was measured on its mask or contours.

    `name` is a keyword of this project (Volume, LongAxis ...) or, for what a report states, the meaning of `name_code`.
    `text` is the value as written; `number` the same as a number where it is one, in `unit` (UCUM). `method` says how
    a measured value came about, and what it rests on.
    """

    name: str
    text: str
    number: float | None = None
    unit: str | None = None
    name_code: str | None = None
    value_code: str | None = None
    origin: Origin = "stated"
    method: str | None = None


def measured(name: str, number: float, unit: str, method: str | None = None) -> Value:
    """Return a measured value, to a thousandth of its unit."""
    number = round(float(number), 3)
    return Value(name, f"{number:.3f}".rstrip("0").rstrip("."), number, unit, origin="measured", method=method)


@dataclass
class Annotation:
    """One lesion or structure. `problem` says why it has no measures, where it has none."""

    number: int  # its own within the file: segment, ROI, or position of the group
    label: str | None = None  # masked text
    finding_code: str | None = None
    category_code: str | None = None
    site_code: str | None = None
    laterality_code: str | None = None
    tracking_id: str | None = None  # masked text
    tracking_uid: str | None = None
    study_instance_uid: str | None = None  # of the annotated images, where the file states it
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    image_orientation_patient: str | None = None  # six cosines, as DICOM writes them
    annotated_at: datetime | None = None
    generation: Generation | None = None
    algorithm_name: str | None = None
    annotation_system: str | None = None
    annotator_key: str | None = None
    problem: str | None = None
    images: frozenset[str] = frozenset()  # SOPInstanceUIDs of the images it lies on
    values: list[Value] = field(default_factory=list)


@dataclass
class AnnotationFile:
    """A file's annotations. `needs_series`: read without its series, which is not scanned; to be read again then."""

    annotations: list[Annotation]
    needs_series: bool = False
