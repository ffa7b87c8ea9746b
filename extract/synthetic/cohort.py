"""A synthetic lung-cancer cohort as plain data: who has which illness, drug, study and series.

Everything follows from the seed: every patient has an own random source, named by seed and number, so that patient 7 is
the same whether 7 or 70 patients are made. Rare kinds of object and the awkward cases that real archives hold
stand with fixed patients (``AWKWARD_CASES``), so that tests and documentation can name them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Literal

from extract.synthetic import protocols
from extract.synthetic.protocols import Protocol, Scanner, Wording

StudyKind = Literal[
    "CHEST_XRAY", "LOW_DOSE_CT", "ENHANCED_CT", "FOLLOW_UP_CT", "BRAIN_MR", "PET_CT", "ULTRASOUND", "MAMMOGRAPHY"
]
Histology = Literal["ADENOCARCINOMA", "SQUAMOUS", "SMALL_CELL"]
Drug = Literal["OSIMERTINIB", "GEFITINIB", "ERLOTINIB"]
Syntax = Literal["EXPLICIT", "IMPLICIT", "DEFLATED"]

#: What each patient (by number) is there to show: rare kinds of object, awkward things in the files and in the CDM.
AWKWARD_CASES: Mapping[int, str] = {
    1: "SEG object and Basic Text SR beside the images; contrast given as NONE in the low-dose CT",
    2: "deflated transfer syntax; an instance twice under two file names; ultrasound; mammography with both sides in "
    "one series; dose SR",
    3: "RTSTRUCT; enhanced multi-frame MR; PET/CT; a study whose files have no suffix",
    4: "StudyTime absent from the enhanced CT",
    5: "StudyDate written 2012.03.04, as ACR-NEMA did, in the radiograph",
    6: "StudyTime present but empty in the enhanced CT",
    7: "PatientPosition and SeriesDescription present but empty in a CT series",
    8: "BodyPartExamined absent from the enhanced CT; its procedure is recorded a day later",
    9: "SliceThickness differs within a series; Basic Text SR",
    10: "BodyPartExamined in dispute within a series, three slices against the rest; dose SR",
    11: "AccessionNumber only in RequestAttributesSequence; enhanced multi-frame MR",
    12: "an instance twice under two file names; the procedure of the enhanced CT recorded twice",
    14: "PET/CT",
    15: "ConvolutionKernel in dispute with as many slices on either side",
    16: "no procedure recorded for the enhanced CT",
    19: "enhanced multi-frame MR",
}

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
    """One series; ``source`` is the SeriesNumber of the images that a segmentation or structure set describes."""

    series_instance_uid: str
    series_number: int
    protocol: Protocol
    scanner: Scanner
    source: int | None = None

    def sop_instance_uid(self, index: int) -> str:
        """SOPInstanceUID of the instance at ``index`` (from 0)."""
        return uid(self.series_instance_uid, index)


@dataclass(frozen=True)
class Study:
    """One study; the flags say which awkward things its files show, and what the CDM recorded of it."""

    study_instance_uid: str
    study_number: int
    kind: StudyKind
    study_date: date
    study_time: str
    description: str
    accession_number: str
    series: tuple[Series, ...]
    syntax: Syntax = "EXPLICIT"
    file_suffix: str = ".dcm"
    dotted_date: bool = False
    time_written: Literal["YES", "EMPTY", "ABSENT"] = "YES"
    accession_in_request_only: bool = False
    first_instance_twice: bool = False
    procedure_records: int = 1
    procedure_delay_days: int = 0


@dataclass(frozen=True)
class Patient:
    """One patient: demography, illness and treatment, character set of the files, and studies in order of date."""

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


#: SpecificCharacterSet (PS3.3 C.12.1.1.2) by patient number modulo 4; all but the third hold Hangul.
_CHARACTER_SETS: tuple[tuple[str, ...], ...] = (
    ("ISO_IR 192",),
    ("", "ISO 2022 IR 149"),
    ("ISO_IR 100",),
    ("ISO_IR 192",),
)
#: One planned study: kind, date, description, series and the machine.
_Plan = tuple[StudyKind, date, str, list[Protocol], Scanner]


def _study_plan(number: int, rng: Random, diagnosis: date, say: Wording) -> list[_Plan]:
    """The patient's studies in order of date."""
    ct = rng.choice(protocols.CT_SCANNERS[:4]) if diagnosis.year < 2018 else protocols.CT_SCANNERS[4]
    kind: Literal["CR", "DX"] = "CR" if number % 2 or number == 2 else "DX"
    xray = rng.choice(protocols.CR_SCANNERS if kind == "CR" else protocols.DX_SCANNERS)

    def day(offset: int) -> date:
        return diagnosis + timedelta(days=offset + rng.randrange(0, 4))

    plan: list[_Plan] = []
    radiograph_date = date(2012, 3, 4) if number == 5 else day(-24)
    chest = say("CHEST PA AND LATERAL", "흉부 단순촬영")
    plan.append(("CHEST_XRAY", radiograph_date, chest, protocols.chest_radiographs(rng, kind, say), xray))
    if number % 2:
        low = protocols.low_dose_ct(rng, ct, say)
        plan.append(("LOW_DOSE_CT", day(-12), say("LOW DOSE CHEST CT", "저선량 흉부 CT"), low, ct))
    # The annotated patients get the finer matrix, so that the lesion covers more than a few pixels.
    enhanced = protocols.enhanced_ct(rng, ct, say, size=64 if number in (1, 3) else 32)
    plan.append(("ENHANCED_CT", day(-3), say("CHEST CT (ENHANCE)", "흉부 CT 조영증강"), enhanced, ct))
    if number % 8 == 3:
        brain = protocols.enhanced_brain_mr(rng)
        plan.append(("BRAIN_MR", day(8), "BRAIN MR METASTASIS WORK-UP", brain, protocols.ENHANCED_MR_SCANNER))
    elif number % 3:
        mr = rng.choice(protocols.MR_SCANNERS)
        brain = protocols.brain_mr(rng, mr, say, black_blood=rng.random() < 0.5)
        plan.append(("BRAIN_MR", day(8), say("BRAIN MR ENHANCE", "뇌 MR 조영증강"), brain, mr))
    if number in (3, 14):
        pet = rng.choice(protocols.PET_SCANNERS)
        plan.append(("PET_CT", day(14), "PET-CT WHOLE BODY FDG", protocols.pet_ct(rng, pet, say), pet))
    if number == 2:
        us, mg = protocols.US_SCANNER, protocols.MG_SCANNER
        plan.append(("ULTRASOUND", day(18), "US THORAX", protocols.thoracic_ultrasound(say), us))
        plan.append(("MAMMOGRAPHY", day(-200), "MAMMOGRAPHY BOTH", protocols.screening_mammography(), mg))
    for visit in range(rng.randrange(0, 4)):
        series = protocols.follow_up_ct(rng, ct, say, contrast=rng.random() < 0.6)
        plan.append(("FOLLOW_UP_CT", day(90 * (visit + 1)), say("CHEST CT FOLLOW UP", "흉부 CT 추적"), series, ct))
    return sorted(plan, key=lambda item: (item[1], item[0]))


def _disputed(protocol: Protocol, keyword: str, other: str | float, count: int) -> Protocol:
    """The series with another value of an attribute in its last ``count`` instances."""
    usual = protocol.attributes[keyword]
    return protocol.differing(**{keyword: (usual,) * (protocol.instances - count) + (other,) * count})


#: Changes to the enhanced CT's first axial series (its second series), by patient.
_SERIES_QUIRKS: Mapping[int, Callable[[Protocol], Protocol]] = {
    7: lambda protocol: protocol.having(PatientPosition=None, SeriesDescription=None),
    9: lambda protocol: _disputed(protocol, "SliceThickness", 5.0, 2),
    10: lambda protocol: _disputed(protocol, "BodyPartExamined", "ABDOMEN", 3),
    15: lambda protocol: _disputed(
        protocol.cut_to_even(), "ConvolutionKernel", "SYNTHETIC OTHER", protocol.instances // 2
    ),
}

#: Changes to one study's files or CDM records, by patient and kind of study.
_STUDY_QUIRKS: Mapping[tuple[int, StudyKind], Callable[[Study], Study]] = {
    (2, "CHEST_XRAY"): lambda study: replace(study, syntax="DEFLATED"),
    (2, "ENHANCED_CT"): lambda study: replace(study, first_instance_twice=True),
    (3, "ENHANCED_CT"): lambda study: replace(study, file_suffix=""),
    (4, "ENHANCED_CT"): lambda study: replace(study, time_written="ABSENT"),
    (5, "CHEST_XRAY"): lambda study: replace(study, dotted_date=True),
    (6, "ENHANCED_CT"): lambda study: replace(study, time_written="EMPTY"),
    (8, "ENHANCED_CT"): lambda study: replace(study, procedure_delay_days=1),
    (11, "ENHANCED_CT"): lambda study: replace(study, accession_in_request_only=True),
    (12, "ENHANCED_CT"): lambda study: replace(study, first_instance_twice=True, procedure_records=2),
    (16, "ENHANCED_CT"): lambda study: replace(study, procedure_records=0),
}

#: Objects that are not images, added to a study of that patient, with the position of their source series.
_DOCUMENTS: tuple[tuple[int, StudyKind, Literal["SEG", "RTSTRUCT", "TEXT_SR", "DOSE_SR"], int | None], ...] = (
    (1, "ENHANCED_CT", "SEG", 1),
    (1, "CHEST_XRAY", "TEXT_SR", None),
    (2, "ENHANCED_CT", "DOSE_SR", None),
    (3, "ENHANCED_CT", "RTSTRUCT", 1),
    (9, "CHEST_XRAY", "TEXT_SR", None),
    (10, "ENHANCED_CT", "DOSE_SR", None),
)


def _with_windows(number: int, protocol: Protocol) -> Protocol:
    """Windows as archives have them: one per slice, two per image, or one per series."""
    if number % 3 == 1:
        count = protocol.instances
        return protocol.differing(
            WindowCenter=tuple(35 + index % 7 for index in range(count)),
            WindowWidth=tuple(380 + 5 * (index % 9) for index in range(count)),
        )
    if number % 3 == 2:
        return protocol.having(
            WindowCenter=(40, -600), WindowWidth=(400, 1500), WindowCenterWidthExplanation=("MEDIASTINUM", "LUNG")
        )
    return protocol


def _quirky(number: int, kind: StudyKind, made: list[Protocol]) -> list[Protocol]:
    """The series of a study with what this patient is there to show."""
    if kind == "LOW_DOSE_CT" and number == 1:
        return [made[0], *(protocol.having(ContrastBolusAgent="NONE") for protocol in made[1:])]
    if kind != "ENHANCED_CT":
        return made
    axial = _with_windows(number, made[1])
    quirk = _SERIES_QUIRKS.get(number)
    made = [made[0], quirk(axial) if quirk else axial, *made[2:]]
    if number == 8:
        # Without a body part nobody can tell whether it is paired, so Laterality (Type 2C) has to be there, empty.
        return [protocol.lacking("BodyPartExamined").having(Laterality=None) for protocol in made]
    return made


def _patient(seed: int, number: int) -> Patient:
    rng = Random(f"{seed}/{number}")
    character_set = _CHARACTER_SETS[number % 4]
    say = Wording(korean=character_set != ("ISO_IR 100",))
    sex: Literal["F", "M"] = "F" if number == 2 or rng.random() < 0.45 else "M"
    osimertinib = number % 3 == 1
    # Osimertinib was first approved at the end of 2015.
    year = rng.randrange(2016, 2021) if osimertinib else rng.randrange(2010, 2020)
    diagnosis = date(year, rng.randrange(2, 12), rng.randrange(1, 28))
    if number == 5:
        diagnosis = date(2012, 3, 28)  # near the dotted date of the radiograph
    birth_date = date(diagnosis.year - rng.randrange(44, 80), rng.randrange(1, 13), rng.randrange(1, 29))
    egfr_mutated = osimertinib or rng.random() < 0.3
    histology: Histology = "ADENOCARCINOMA"
    drug: Drug | None = "OSIMERTINIB" if osimertinib else None
    if not egfr_mutated:
        histology = rng.choice(("ADENOCARCINOMA", "SQUAMOUS", "SMALL_CELL"))
    elif not osimertinib:
        drug = rng.choice(("GEFITINIB", "ERLOTINIB"))
    drug_start = diagnosis + timedelta(days=rng.randrange(21, 60)) if drug else None
    hypertension = diagnosis - timedelta(days=rng.randrange(200, 3000)) if number % 2 == 0 else None
    death = diagnosis + timedelta(days=rng.randrange(400, 900)) if number % 6 == 5 else None
    side = rng.choice((-1, 1))
    nodule = Nodule(side * rng.randrange(55, 75), float(rng.randrange(-20, 15)), -120.0, float(rng.randrange(9, 19)))

    patient_id = f"SYN-{number:04d}"
    studies = []
    plan = _study_plan(number, rng, diagnosis, say)
    for position, (kind, on, description, made, scanner) in enumerate(plan, start=1):
        study_uid = uid(seed, patient_id, "study", position)
        series = [
            Series(uid(study_uid, "series", order), order, protocol, scanner)
            for order, protocol in enumerate(_quirky(number, kind, made), start=1)
        ]
        for who, where, document, source in _DOCUMENTS:
            if (who, where) == (number, kind):
                order = 100 + len(series)
                source_number = series[source].series_number if source is not None else None
                made_of = series[0].scanner if document == "DOSE_SR" else protocols.WORKSTATION
                document_uid = uid(study_uid, "series", order)
                series.append(Series(document_uid, order, protocols.document(document), made_of, source_number))
        study = Study(
            study_uid,
            position,
            kind,
            on,
            f"{rng.randrange(8, 18):02d}{rng.randrange(0, 60):02d}{rng.randrange(0, 60):02d}",
            description,
            f"SYNA{number:04d}{position:03d}",
            tuple(series),
            syntax="IMPLICIT" if number % 5 == 4 else "EXPLICIT",
        )
        quirk = _STUDY_QUIRKS.get((number, kind))
        studies.append(quirk(study) if quirk else study)
    return Patient(
        number,
        patient_id,
        "SYNTHETIC HOSPITAL" if number % 4 == 2 else None,
        sex,
        birth_date,
        character_set,
        histology,
        egfr_mutated,
        diagnosis,
        hypertension,
        drug,
        drug_start,
        death,
        nodule,
        tuple(studies),
    )


def build_cohort(patients: int, seed: int) -> tuple[Patient, ...]:
    """The first ``patients`` patients of the cohort with this seed."""
    if patients < 1:
        raise ValueError(f"a cohort needs at least one patient, not {patients}")
    return tuple(_patient(seed, number) for number in range(1, patients + 1))
