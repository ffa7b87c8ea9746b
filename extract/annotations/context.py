"""What the readers of annotations are given: masking of text, hashes of annotators, the geometry of scanned series."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from extract.identifiers import Identifiers
from extract.masking import Kind, masked, masking

DEFAULT_FRACTIONAL_THRESHOLD = 0.5


@dataclass(frozen=True)
class SeriesGeometry:
    """Where the images of a scanned series lie, as their headers say.

    `positions` holds ImagePositionPatient (mm) by SOPInstanceUID, of single-frame images; `orientation` the six cosines
    of ImageOrientationPatient, `spacing` PixelSpacing (row distance, column distance; mm). What the images do not
    state, or not alike, is None.
    """

    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str | None
    orientation: tuple[float, float, float, float, float, float] | None
    spacing: tuple[float, float] | None
    rows: int | None
    columns: int | None
    positions: Mapping[str, tuple[float, float, float]]


class ScannedSeries(Protocol):
    """The series that are scanned."""

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        """Return a series' geometry, None where it is not scanned."""

    def series_of(self, sop_instance_uid: str) -> str | None:
        """Return the SeriesInstanceUID of a scanned image of the file's patient, None where there is none.

        Files that name no patient (label maps, tables) get None: what they lie on is looked up in the models.
        """


@dataclass
class ReadContext:
    """What one file is read with.

    `identifying` is what identifies the patient or another person in the file: text is masked of it.
    """

    identifiers: Identifiers
    scanned: ScannedSeries
    identifying: tuple[tuple[Kind, str], ...] = ()
    fractional_threshold: float = DEFAULT_FRACTIONAL_THRESHOLD
    values_masked: int = field(default=0, init=False)

    def also_identifying(self, names: Iterable[str]) -> None:
        """Have further names masked, as of those who drew the contours."""
        self.identifying += tuple(("name", name) for name in names if name)

    def text(self, value: str | None) -> str | None:
        """Return free text masked of what identifies somebody, None where it is empty."""
        value = (value or "").strip()
        rule = masking(self.identifying, self.identifiers.terms)
        if value and rule:
            value, count = masked(rule, value)
            self.values_masked += count
        return value or None

    def annotator_key(self, name: str) -> str | None:
        """Return the stored form of an annotator's name: keyed hash, or a plain one where identifiers are clear."""
        return self.identifiers.annotator_key(name)
