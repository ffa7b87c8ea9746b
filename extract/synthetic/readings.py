"""Who has marked which lesions on whose images: the annotations of the cohort as plain data.

All of it follows from seed and patient number by a random source of its own, so that studies and clinical tables are
what they would be without. The first patients show one thing each; every third of those from ``MANY`` on has a chest
CT with marked nodules, every sixth a brain MR with marked metastases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from extract.synthetic import protocols
from extract.synthetic.entities import Fault, Form, Patient, Reading, Series, Study, uid
from extract.synthetic.lesions import (
    AXIAL,
    OBLIQUE,
    STRAIGHT,
    TURNED,
    Lesion,
    LesionKind,
    Vector,
    grid_around,
)
from extract.synthetic.plans import StudyKind
from extract.synthetic.protocols import Wording

MANY = 77
READERS = tuple(f"SYNTHETIC^READER^{letter}" for letter in "ABCD")
ALGORITHM = "DEMO LESION FINDER"
#: How much larger or smaller each reader draws a lesion than the first.
_HANDS = (1.0, 1.04, 0.97, 1.02)
_DICOM_FORMS: Mapping[str, Literal["LESION_SEG", "LESION_RTSTRUCT", "LESION_SR"]] = {
    "SEG": "LESION_SEG",
    "RTSTRUCT": "LESION_RTSTRUCT",
    "SR": "LESION_SR",
}


def annotated(patient: Patient, seed: int, say: Wording) -> Patient:
    """The patient with the readings of his studies: their series, and studies of results, are added."""
    desk = _Desk(patient, seed, say)
    if patient.number in _SHOWN:
        _SHOWN[patient.number](desk)
    elif patient.number >= MANY:
        _many(desk)
    return desk.patient


@dataclass
class _Desk:
    """Where one patient's images are read; ``patient`` grows by what is marked."""

    patient: Patient
    seed: int
    say: Wording
    rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.seed}/{self.patient.number}/readings")

    def study(self, kind: StudyKind) -> Study | None:
        """The patient's first study of that kind that has images."""
        return next((study for study in self.patient.studies if study.kind == kind and study.series), None)

    def lesion(self, kind: LesionKind, name: str, at: Vector, half_axes: Vector, turned: bool = False) -> Lesion:
        tracking_uid = uid(self.seed, self.patient.patient_id, "lesion", name)
        return Lesion(kind, name, tracking_uid, at, half_axes, TURNED if turned else STRAIGHT)

    def nodule(self, kind: LesionKind, name: str = "N1", right: float = 0, turned: bool = True) -> Lesion:
        """A nodule where the images show the patient's, or so many mm to the right of it."""
        nodule = self.patient.nodule
        size = self.rng.randrange(60, 105) / 10
        half_axes = (size * 1.2, size, size * 0.8) if turned else (size, size, size)
        at = (nodule.x + 0.3 - right, nodule.y - 0.2, nodule.z - 0.4)
        return self.lesion(kind, name, at, tuple(round(one, 2) for one in half_axes), turned)  # type: ignore[arg-type]

    def part_solid(self, name: str = "N1") -> tuple[Lesion, Lesion]:
        """A ground-glass nodule, and the solid part within it."""
        whole = self.nodule("GGN", name)
        x, y, z = whole.centre
        size = round(min(whole.half_axes) * self.rng.choice((0.5, 0.6, 0.7)), 2)
        return whole, self.lesion("SOLID_PART", f"{name} solid part", (x + 0.7, y + 0.4, z - 0.3), (size, size, size))

    def target(self, study: Study, lesions: tuple[Lesion, ...], spacing: Vector = (1, 1, 1)) -> Series:
        """Add a targeted reconstruction to a chest CT, and return it."""
        grid = grid_around(lesions, spacing)
        scanner = study.series[0].scanner
        contrast = "ContrastBolusAgent" in study.series[1].protocol.attributes
        protocol = protocols.targeted_ct(scanner, self.say, grid, contrast)
        number = 200 + len(study.series)
        series = Series(uid(study.study_instance_uid, "targeted"), number, protocol, scanner, lesions=lesions)
        self._add(study.study_instance_uid, series)
        return series

    def read(
        self,
        study: Study,
        images: Series,
        lesions: tuple[Lesion, ...],
        forms: tuple[Form, ...],
        *,
        reader: int | None = None,
        results: str | None = None,
        plane: tuple[Vector, Vector] = AXIAL,
        fault: Fault | None = None,
    ) -> None:
        """Add a reading: by a reader (his number), else by the algorithm; `results` names a study of its own for it."""
        holder = uid(study.study_instance_uid, "results", results) if results else study.study_instance_uid
        if reader is not None:
            lesions = tuple(lesion.scaled(_HANDS[reader]) for lesion in lesions)
        reading = Reading(
            str(len(self.patient.readings) + 1),
            study.study_instance_uid,
            holder,
            images,
            lesions,
            images.protocol.grid or grid_around(lesions, (1, 1, 1), plane),
            forms,
            READERS[reader] if reader is not None else None,
            None if reader is not None else ALGORITHM,
            fault,
        )
        self.patient = replace(self.patient, readings=(*self.patient.readings, reading))
        if results and all(one.study_instance_uid != holder for one in self.patient.studies):
            self._open(study, holder)
        for form in forms:
            if form in _DICOM_FORMS:
                self._keep(reading, form)

    def _open(self, study: Study, holder: str) -> None:
        """Add a study for results, of the day of the images, that nobody ordered."""
        number = max(one.study_number for one in self.patient.studies) + 1
        results = Study(
            holder, number, "RESULTS", study.study_date, study.study_time, "LESION RESULTS", "", "", (), (),
            study.syntax, date_shift_days=study.date_shift_days,
        )  # fmt: skip
        self.patient = replace(self.patient, studies=(*self.patient.studies, results))

    def _keep(self, reading: Reading, form: Form) -> None:
        (holder,) = (one for one in self.patient.studies if one.study_instance_uid == reading.holder_uid)
        scanner = protocols.WORKSTATION if reading.reader else protocols.DETECTOR
        protocol = protocols.document(_DICOM_FORMS[form])
        number = 200 + len(holder.series)
        self._add(
            reading.holder_uid,
            Series(reading.series_instance_uid(form), number, protocol, scanner, reading=reading),
        )

    def _add(self, study_instance_uid: str, series: Series) -> None:
        studies = (
            replace(study, series=(*study.series, series)) if study.study_instance_uid == study_instance_uid else study
            for study in self.patient.studies
        )
        self.patient = replace(self.patient, studies=tuple(studies))


def _chest(desk: _Desk) -> tuple[Study, Series]:
    """The enhanced CT and its first axial series."""
    study = desk.study("ENHANCED_CT")
    assert study
    return study, study.series[1]


def _brain(desk: _Desk) -> tuple[Study, Series]:
    """The brain MR and its enhanced T1 of axial slices."""
    study = desk.study("BRAIN_MR")
    assert study
    return study, next(one for one in study.series if one.protocol.attributes["SeriesDescription"] == "AX T1 GD")


def _metastases(desk: _Desk, study: Study, images: Series, most: int) -> tuple[Lesion, ...]:
    sizes = [desk.rng.randrange(45, 80) / 10 for _ in range(desk.rng.randrange(1, most + 1))]
    return tuple(
        desk.lesion(
            "BRAIN_METASTASIS",
            f"M{number}",
            (34.2 - 40 * (number - 1), -25.3, 0.4),
            (size, round(size * 0.9, 2), round(size * 0.8, 2)) if number > 1 else (size, size, size),
            number > 1,
        )
        for number, size in enumerate(sizes, start=1)
    )


def _metastases_on_an_oblique_grid(desk: _Desk) -> None:
    study, images = _brain(desk)
    lesions = (
        desk.lesion("BRAIN_METASTASIS", "M1", (34.2, -25.3, 0.4), (7.5, 7.5, 7.5)),
        desk.lesion("BRAIN_METASTASIS", "M2", (-6.1, 18.8, 2.7), (9.0, 6.0, 5.0), True),
    )
    desk.read(study, images, lesions, ("SEG", "SR"), results="1", plane=OBLIQUE)
    desk.read(study, images, lesions, ("RTSTRUCT",), reader=0)


def _part_solid_in_every_form(desk: _Desk) -> None:
    study, _ = _chest(desk)
    lesions = desk.part_solid()
    images = desk.target(study, lesions)
    desk.read(study, images, lesions, ("SEG", "RTSTRUCT", "SR", "NIFTI", "READERS_CSV", "STATISTICS_TSV"), reader=0)
    desk.read(study, images, lesions, ("SEG", "READERS_CSV"), reader=1)


def _growing_nodule(desk: _Desk) -> None:
    first, _ = _chest(desk)
    lesion = desk.nodule("SOLID_NODULE")
    images = desk.target(first, (lesion,), (0.8, 0.8, 1.25))
    desk.read(first, images, (lesion,), ("SEG", "RTSTRUCT", "SR", "NRRD"), reader=0)
    second = desk.study("FOLLOW_UP_CT")
    assert second
    grown = lesion.scaled(1.25)
    images = desk.target(second, (grown,), (0.8, 0.8, 1.25))
    desk.read(second, images, (grown,), ("SEG", "SR", "NRRD"), reader=0)


def _two_nodules_of_four_readers(desk: _Desk) -> None:
    study, images = _chest(desk)
    lesions = (desk.nodule("GGN"), desk.nodule("SOLID_NODULE", "N2", right=32, turned=False))
    desk.read(study, images, lesions, ("SEG",), results="1")
    for reader in range(4):
        desk.read(study, images, lesions, ("READERS_CSV",), reader=reader)


def _faults(desk: _Desk) -> None:
    study, images = _chest(desk)
    lesion = desk.nodule("SOLID_NODULE")
    for fault in ("UNKNOWN_SERIES", "OTHER_FRAME", "EMPTY_SEGMENT"):
        desk.read(study, images, (lesion,), ("SEG",), results="1", fault=fault)
    desk.read(study, images, (lesion,), ("SEG",), results="2", fault="OTHER_PATIENT")
    desk.read(study, images, (lesion,), ("RTSTRUCT",), results="1", fault="POINTS")


_SHOWN: Mapping[int, Callable[[_Desk], None]] = {
    1: _metastases_on_an_oblique_grid,
    2: _part_solid_in_every_form,
    4: _growing_nodule,
    5: _two_nodules_of_four_readers,
    6: _faults,
}


def _many(desk: _Desk) -> None:
    number = desk.patient.number
    study = desk.study("ENHANCED_CT")
    if study and number % 3 == 0:
        lesions = _many_nodules(desk)
        by_algorithm = number % 2 == 1
        forms: tuple[Form, ...] = ("SEG", "SR") if number % 4 == 0 else ("SEG",)
        reader, results = (None, "1") if by_algorithm else (0, None)
        desk.read(study, study.series[1], lesions, forms, reader=reader, results=results)
        if number % 9 == 0:
            desk.read(study, study.series[1], lesions, ("SEG",), reader=1)
        later = desk.study("FOLLOW_UP_CT")
        if later:
            grown = tuple(lesion.scaled(desk.rng.choice((0.9, 1.1, 1.2))) for lesion in lesions)
            desk.read(later, later.series[1], grown, ("SEG",), reader=reader, results=results)
    brain = desk.study("BRAIN_MR")
    if brain and number % 6 == 1:
        study, images = _brain(desk)
        desk.read(study, images, _metastases(desk, study, images, 2), ("SEG",), reader=0)


def _many_nodules(desk: _Desk) -> tuple[Lesion, ...]:
    """Of four patients two have a part-solid nodule (the first a solid one beside it), one a pure one, one a solid."""
    kind = desk.patient.number // 3 % 4
    if kind == 0:
        return (*desk.part_solid(), desk.nodule("SOLID_NODULE", "N2", right=32, turned=False))
    if kind == 1:
        return desk.part_solid()
    return (desk.nodule("GGN" if kind == 2 else "SOLID_NODULE"),)
