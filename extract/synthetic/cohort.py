"""A synthetic lung-cancer cohort as plain data: who has which illness, drug, study and series.

Everything follows from the seed: every patient has an own random source, named by seed and number, so that patient 7 is
the same whether 7 or 70 patients are made. Rare kinds of object and the awkward cases that real archives hold
stand with fixed patients (``awkward.AWKWARD_CASES``), so that tests and documentation can name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Literal

from extract.synthetic import protocols
from extract.synthetic.awkward import DIAGNOSIS_DATES, PATIENT_QUIRKS, STUDY_QUIRKS
from extract.synthetic.entities import (
    Drug,
    Examination,
    Histology,
    MetastasisTable,
    Nodule,
    Patient,
    Procedure,
    Series,
    Study,
    uid,
)
from extract.synthetic.plans import DETAILED, Plan, StudyKind, quirky, study_plan
from extract.synthetic.protocols import Wording
from extract.synthetic.readings import annotated

#: SpecificCharacterSet (PS3.3 C.12.1.1.2) by patient number modulo 4; all but the third hold Hangul.
_CHARACTER_SETS: tuple[tuple[str, ...], ...] = (
    ("ISO_IR 192",),
    ("", "ISO 2022 IR 149"),
    ("ISO_IR 100",),
    ("ISO_IR 192",),
)
#: The procedures of a study, unless the patient is there to show something else.
_EXAMINATIONS: Mapping[StudyKind, tuple[Examination, ...]] = {
    "CHEST_XRAY": ("CHEST_XRAY",),
    "LOW_DOSE_CT": ("CHEST_CT_PLAIN",),
    "ENHANCED_CT": ("CHEST_CT",),
    "FOLLOW_UP_CT": ("CHEST_CT",),
    "CHEST_ABDOMEN_CT": ("CHEST_CT", "ABDOMEN_CT"),
    "BRAIN_MR": ("BRAIN_MR",),
    "PET_CT": ("PET_CT",),
    "ULTRASOUND": ("ULTRASOUND",),
    "MAMMOGRAPHY": ("MAMMOGRAPHY",),
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


def _year_of_diagnosis(number: int, rng: Random, osimertinib: bool) -> int:
    """Osimertinib was first approved at the end of 2015; the paper's diagnoses end with 2017."""
    if number <= DETAILED:
        return rng.randrange(2016, 2021) if osimertinib else rng.randrange(2010, 2020)
    if number % 8 == 4:
        return rng.randrange(2018, 2020)
    return rng.randrange(2016, 2018) if osimertinib else rng.randrange(2010, 2018)


def _hypertension(number: int, rng: Random, diagnosis: date, drug_start: date | None) -> date | None:
    """Every second patient has it, long before the cancer, a few of them after the first tablet against it."""
    if number % 2:
        return None
    before = diagnosis - timedelta(days=rng.randrange(200, 3000))
    after_treatment = number > DETAILED and number % 10 == 0 and drug_start is not None
    return drug_start + timedelta(days=45) if after_treatment and drug_start else before


def _brain_metastasis(seed: int, number: int, diagnosis: date) -> tuple[date, frozenset[MetastasisTable]] | None:
    """A third has them, found within a year: recorded as a condition, as a measurement, or as both."""
    rng = Random(f"{seed}/{number}/brain metastasis")
    tables: tuple[frozenset[MetastasisTable], ...] = (
        frozenset({"CONDITION_OCCURRENCE"}),
        frozenset({"MEASUREMENT"}),
        frozenset({"CONDITION_OCCURRENCE", "MEASUREMENT"}),
    )
    return (diagnosis + timedelta(days=rng.randrange(5, 360)), rng.choice(tables)) if rng.random() < 1 / 3 else None


def _study(seed: int, number: int, rng: Random, position: int, plan: Plan) -> Study:
    kind, on, description, made, scanner = plan
    study_uid = uid(seed, _patient_id(number), "study", position)
    series = [
        Series(uid(study_uid, "series", order), order, protocol, scanner)
        for order, protocol in enumerate(quirky(number, kind, made), start=1)
    ]
    for who, where, document, source in _DOCUMENTS:
        if (who, where) == (number, kind):
            order = 100 + len(series)
            source_number = series[source].series_number if source is not None else None
            made_of = series[0].scanner if document == "DOSE_SR" else protocols.WORKSTATION
            document_uid = uid(study_uid, "series", order)
            series.append(Series(document_uid, order, protocols.document(document), made_of, source_number))
    accession = f"SYNA{number:04d}{position:03d}"
    study = Study(
        study_uid,
        position,
        kind,
        on,
        f"{rng.randrange(8, 18):02d}{rng.randrange(0, 60):02d}{rng.randrange(0, 60):02d}",
        description,
        accession,
        accession,
        tuple(series),
        tuple(Procedure(examination) for examination in _EXAMINATIONS[kind]),
        syntax="IMPLICIT" if number % 5 == 4 else "EXPLICIT",
    )
    quirk = STUDY_QUIRKS.get((number, kind))
    return quirk(study) if quirk else study


def _patient_id(number: int) -> str:
    return f"SYN-{number:04d}"


def _patient(seed: int, number: int) -> Patient:
    rng = Random(f"{seed}/{number}")
    character_set = _CHARACTER_SETS[number % 4]
    say = Wording(korean=character_set != ("ISO_IR 100",))
    sex: Literal["F", "M"] = "F" if number == 2 or rng.random() < 0.45 else "M"
    osimertinib = number % 3 == 1
    year = _year_of_diagnosis(number, rng, osimertinib)
    diagnosis = date(year, rng.randrange(2, 12), rng.randrange(1, 28))
    diagnosis = DIAGNOSIS_DATES.get(number, diagnosis)
    birth_date = date(diagnosis.year - rng.randrange(44, 80), rng.randrange(1, 13), rng.randrange(1, 29))
    egfr_mutated = osimertinib or rng.random() < 0.3
    histology: Histology = "ADENOCARCINOMA"
    drug: Drug | None = "OSIMERTINIB" if osimertinib else None
    if not egfr_mutated:
        histology = rng.choice(("ADENOCARCINOMA", "SQUAMOUS", "SMALL_CELL"))
    elif not osimertinib:
        drug = rng.choice(("GEFITINIB", "ERLOTINIB"))
    drug_start = diagnosis + timedelta(days=rng.randrange(21, 60)) if drug else None
    hypertension = _hypertension(number, rng, diagnosis, drug_start)
    death = diagnosis + timedelta(days=rng.randrange(400, 900)) if number % 6 == 5 else None
    side = rng.choice((-1, 1))
    nodule = Nodule(side * rng.randrange(55, 75), float(rng.randrange(-20, 15)), -120.0, float(rng.randrange(9, 19)))
    plan = [one for one in study_plan(number, rng, diagnosis, say) if not death or one[1] < death]
    patient = Patient(
        number,
        _patient_id(number),
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
        tuple(_study(seed, number, rng, position, one) for position, one in enumerate(plan, start=1)),
        _brain_metastasis(seed, number, diagnosis),
    )
    quirk = PATIENT_QUIRKS.get(number)
    return annotated(quirk(patient) if quirk else patient, seed, say)


def build_cohort(patients: int, seed: int) -> tuple[Patient, ...]:
    """The first ``patients`` patients of the cohort with this seed."""
    if patients < 1:
        raise ValueError(f"a cohort needs at least one patient, not {patients}")
    return tuple(_patient(seed, number) for number in range(1, patients + 1))
