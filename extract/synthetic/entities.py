"""What a synthetic cohort consists of: patients, studies, series and the procedures ordered for them; plain data."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from extract.synthetic.lesions import Grid, Lesion
from extract.synthetic.plans import StudyKind
from extract.synthetic.protocols import Protocol, Scanner

Histology = Literal["ADENOCARCINOMA", "SQUAMOUS", "SMALL_CELL"]
Drug = Literal["OSIMERTINIB", "GEFITINIB", "ERLOTINIB"]
Syntax = Literal["EXPLICIT", "IMPLICIT", "DEFLATED"]
Report = Literal["PRELIMINARY", "FINAL", "ADDENDUM"]
#: In which forms the lesions that somebody marked are kept.
Form = Literal["SEG", "RTSTRUCT", "SR", "NIFTI", "NRRD", "READERS_CSV", "STATISTICS_TSV"]
#: What is wrong with the object of a reading.
Fault = Literal["UNKNOWN_SERIES", "OTHER_FRAME", "OTHER_PATIENT", "EMPTY_SEGMENT", "POINTS"]
MetastasisTable = Literal["CONDITION_OCCURRENCE", "MEASUREMENT"]
#: What can be ordered, one by one: chest and abdomen CT is two of them.
Examination = Literal[
    "CHEST_XRAY",
    "CHEST_CT",
    "CHEST_CT_PLAIN",
    "ABDOMEN_CT",
    "BRAIN_MR",
    "PET_CT",
    "ULTRASOUND",
    "MAMMOGRAPHY",
]

_NAMESPACE = uuid.UUID("6f1e5c0a-2f0e-5d6b-9c55-59187d1c0a11")


def uid(*parts: str | int) -> str:
    """A UID under the 2.25 root (PS3.5 annex B.2) that depends on nothing but ``parts``."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


@dataclass(frozen=True)
class Nodule:
    """The lesion, a sphere: centre in the patient coordinate system (PS3.3 C.7.6.2.1.1) and radius, in mm."""

    x: float
    y: float
    z: float
    radius: float


@dataclass(frozen=True)
class Series:
    """One series; ``source`` is the SeriesNumber of the images that a segmentation or structure set describes.

    ``lesions`` are those that targeted images show, ``reading`` is what an object of annotations holds.
    """

    series_instance_uid: str
    series_number: int
    protocol: Protocol
    scanner: Scanner
    source: int | None = None
    lesions: tuple[Lesion, ...] = ()
    reading: Reading | None = None

    def sop_instance_uid(self, index: int) -> str:
        """SOPInstanceUID of the instance at ``index`` (from 0)."""
        return uid(self.series_instance_uid, index)


@dataclass(frozen=True)
class Reading:
    """The lesions that one reader, or an algorithm, marked on one series, and in which forms they are kept.

    ``study_instance_uid`` is that of the images, ``holder_uid`` of the study that the DICOM forms are in. Masks have
    the voxels of ``grid``.
    """

    key: str
    study_instance_uid: str
    holder_uid: str
    images: Series
    lesions: tuple[Lesion, ...]
    grid: Grid
    forms: tuple[Form, ...]
    reader: str | None = None
    algorithm: str | None = None
    fault: Fault | None = None

    def series_instance_uid(self, form: Form) -> str:
        """SeriesInstanceUID of a DICOM form."""
        return uid(self.holder_uid, "reading", self.key, form)


@dataclass(frozen=True)
class Procedure:
    """A row of PROCEDURE_OCCURRENCE: which examination, when, and whether it is the order or its performance."""

    examination: Examination
    days_later: int = 0
    hours_later: int = 0
    ordered: bool = False


@dataclass(frozen=True)
class Study:
    """One study: what was ordered, what its files show of it, and what the CDM recorded.

    ``study_date`` is the true day and ``date_shift_days`` what a de-identification added to it in the files;
    ``accession_number`` is the order's, ``accession_written`` what the files say. A study without series is one whose
    images are missing, ``instances_missing`` of them. ``second_patient_id`` is in every other instance in place of the
    patient's own.
    """

    study_instance_uid: str
    study_number: int
    kind: StudyKind
    study_date: date
    study_time: str
    description: str
    accession_number: str
    accession_written: str
    series: tuple[Series, ...]
    procedures: tuple[Procedure, ...]
    syntax: Syntax = "EXPLICIT"
    file_suffix: str = ".dcm"
    dotted_date: bool = False
    time_written: Literal["YES", "EMPTY", "ABSENT"] = "YES"
    accession_in_request_only: bool = False
    first_instance_twice: bool = False
    date_shift_days: int = 0
    second_patient_id: str | None = None
    reports: tuple[Report, ...] = ("FINAL",)
    instances_missing: int = 0

    @property
    def date_written(self) -> date:
        """The day that the files give."""
        return self.study_date + timedelta(days=self.date_shift_days)

    @property
    def instances_expected(self) -> int:
        """How many instances the PACS has, those that are missing in the files among them."""
        return sum(one.protocol.instances for one in self.series) + self.instances_missing


@dataclass(frozen=True)
class Patient:
    """One patient: demography, illness and treatment, character set of the files, and studies in order of date.

    ``brain_metastasis`` is the day and the tables that record it; ``birth_recorded`` what PERSON says of the birth.
    """

    number: int
    patient_id: str
    issuer: str | None
    sex: Literal["F", "M"]
    birth_date: date
    character_set: tuple[str, ...]
    histology: Histology
    egfr_mutated: bool
    diagnosis_date: date
    hypertension_since: date | None
    drug: Drug | None
    drug_start: date | None
    death_date: date | None
    nodule: Nodule
    studies: tuple[Study, ...]
    brain_metastasis: tuple[date, frozenset[MetastasisTable]] | None = None
    primary: bool = True
    birth_recorded: Literal["DATE", "YEAR"] = "DATE"
    in_cdm: bool = True
    readings: tuple[Reading, ...] = ()
