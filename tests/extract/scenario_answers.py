"""The answers to the paper's scenarios, computed from the synthetic cohort itself: no file, no table and no SQL.

What is said here of a series is what the generator made it to be, so the answers hold for any way of reading it right.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from extract.synthetic.entities import Patient, Series, Study
from extract.synthetic.protocols import MODALITY

Row = tuple[object, ...]
DIAGNOSES = (date(2010, 1, 1), date(2017, 12, 31))
IMAGES = (date(2003, 1, 1), date(2021, 12, 31))
CHEST_CT = ("LOW_DOSE_CT", "ENHANCED_CT", "FOLLOW_UP_CT", "CHEST_ABDOMEN_CT")


@dataclass(frozen=True)
class Treated:
    """A patient under osimertinib: hypertension ever and before, CT studies, and those of the person-time if any."""

    ever: bool
    before: bool
    ct: int
    days: int | None
    ct_in_follow_up: int


def rounded(value: float | Decimal, digits: int) -> Decimal:
    """Half away from zero, as PostgreSQL rounds a numeric."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def age_at_diagnosis(patient: Patient) -> int:
    born, day = patient.birth_date, patient.diagnosis_date
    if patient.birth_recorded == "YEAR":
        born = date(born.year, 6, 15)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def members(cohort: tuple[Patient, ...]) -> list[Patient]:
    return [
        patient
        for patient in cohort
        if patient.in_cdm
        and patient.primary
        and age_at_diagnosis(patient) >= 18
        and DIAGNOSES[0] <= patient.diagnosis_date <= DIAGNOSES[1]
    ]


def studies(patient: Patient, *kinds: str) -> list[Study]:
    """Studies with images that are his alone, in the imaging period by the day the files give."""
    return [
        study
        for study in patient.studies
        if study.kind in kinds
        and study.series
        and not study.second_patient_id
        and IMAGES[0] <= study.date_written <= IMAGES[1]
    ]


def last_day_observed(patient: Patient) -> date:
    if patient.death_date:
        return patient.death_date
    days = [study.study_date for study in patient.studies]
    if patient.drug_start:
        days.append(patient.drug_start + timedelta(days=150))
    return max(days) + timedelta(days=180)


def treated(patient: Patient) -> Treated:
    assert patient.drug_start
    start = patient.drug_start
    ct = studies(patient, *CHEST_CT)
    end = min(last_day_observed(patient), IMAGES[1])
    shifted = any(study.date_shift_days for study in ct)
    since = patient.hypertension_since
    return Treated(
        ever=since is not None,
        before=since is not None and since < start,
        ct=len(ct),
        days=None if shifted or end < start else (end - start).days + 1,
        ct_in_follow_up=sum(start <= study.study_date <= end for study in ct),
    )


def scenario_1(cohort: tuple[Patient, ...]) -> tuple[set[Row], set[Row]]:
    """Rows of scenario_1 (without median, smallest, largest) and of scenario_1_test."""
    patients = [treated(one) for one in members(cohort) if one.drug == "OSIMERTINIB"]
    described: set[Row] = set()
    tested: set[Row] = set()
    readings: dict[str, Callable[[Treated], bool]] = {
        "ever": lambda one: one.ever,
        "before the first osimertinib": lambda one: one.before,
    }
    for hypertension, has_it in readings.items():
        for counted in ("all follow-up", "per person-year"):
            values: dict[bool, list[float]] = {True: [], False: []}
            for group in (True, False):
                those = [one for one in patients if has_it(one) is group]
                if counted == "all follow-up":
                    values[group] = [float(one.ct) for one in those]
                    ct, years = sum(one.ct for one in those), None
                    without = sum(one.ct == 0 for one in those)
                else:
                    those = [one for one in those if one.days]
                    values[group] = [one.ct_in_follow_up * 365.25 / (one.days or 0) for one in those]
                    ct = sum(one.ct_in_follow_up for one in those)
                    years = rounded(sum(one.days or 0 for one in those) / 365.25, 2)
                    without = sum(one.ct_in_follow_up == 0 for one in those)
                mean, spread = statistics.mean(values[group]), statistics.stdev(values[group])
                described.add(
                    (counted, hypertension, group, len(those), without, ct, years, rounded(mean, 4), rounded(spread, 4))
                )
            with_it, without_it = values[True], values[False]
            errors = [statistics.variance(one) / len(one) for one in (with_it, without_it)]
            difference = statistics.mean(with_it) - statistics.mean(without_it)
            freedom = sum(errors) ** 2 / (errors[0] ** 2 / (len(with_it) - 1) + errors[1] ** 2 / (len(without_it) - 1))
            answer = (rounded(difference, 4), rounded(difference / sum(errors) ** 0.5, 4), rounded(freedom, 2))
            tested.add((counted, hypertension, len(with_it), len(without_it), *answer))
    return described, tested


def is_localizer(series: Series) -> bool:
    return "LOCALIZER" in str(series.protocol.attributes["ImageType"])


def is_low_dose(series: Series) -> bool:
    return series.protocol.attributes["ProtocolName"] == "CHEST LOW DOSE"


def is_enhanced_t1(series: Series) -> bool:
    return series.protocol.look == "brain_t1ce"


def images(series: Series) -> tuple[int, int]:
    """Instances and frames."""
    return series.protocol.instances, series.protocol.instances * series.protocol.frames


def scenario_3(cohort: tuple[Patient, ...]) -> set[Row]:
    ct = [
        [series for series in study.series if MODALITY[series.protocol.kind] == "CT"]
        for patient in members(cohort)
        for study in studies(patient, *CHEST_CT)
    ]

    def row(counted: str, localizers: str, things: list[list[Series]], low: Callable[[Series], bool]) -> Row:
        low_dose = [
            tuple(map(sum, zip(*(images(series) for series in thing if low(series)), strict=True)))
            for thing in things
            if any(is_low_dose(series) for series in thing)
        ]
        instances, frames = zip(*low_dose, strict=True)
        over = (sum(count > 150 for count in instances), sum(count > 150 for count in frames))
        return (counted, localizers, len(things), len(low_dose), *over, min(instances), max(instances))

    rows = set()
    for localizers in ("with", "without"):
        kept = [[one for one in study if localizers == "with" or not is_localizer(one)] for study in ct]
        kept = [study for study in kept if study]
        rows.add(row("series", localizers, [[one] for study in kept for one in study], lambda one: True))
        rows.add(row("studies, their low-dose series", localizers, kept, is_low_dose))
        rows.add(row("studies, all their CT series", localizers, kept, lambda one: True))
    return rows


def mr_series(cohort: tuple[Patient, ...]) -> Iterator[tuple[Patient, Study, Series]]:
    for patient in members(cohort):
        for study in studies(patient, "BRAIN_MR"):
            for series in study.series:
                if MODALITY[series.protocol.kind] == "MR":
                    yield patient, study, series


def scenario_4(cohort: tuple[Patient, ...]) -> set[Row]:
    def thickness(series: Series) -> Decimal:
        return rounded(float(str(series.protocol.attributes["SliceThickness"])), 2)

    taken: dict[str, Callable[[Series], bool]] = {
        "MR": lambda series: True,
        "enhanced T1": is_enhanced_t1,
        "enhanced T1, at most 1 mm": lambda series: is_enhanced_t1(series) and thickness(series) <= 1,
        "enhanced T1, under 1 mm": lambda series: is_enhanced_t1(series) and thickness(series) < 1,
    }
    ages: dict[str, Callable[[Patient], bool]] = {
        "any": lambda patient: True,
        "at most 60": lambda patient: age_at_diagnosis(patient) <= 60,
        "under 60": lambda patient: age_at_diagnosis(patient) < 60,
    }
    rows: set[Row] = set()
    for name, takes in taken.items():
        for age, fits in ages.items():
            found = [one for one in mr_series(cohort) if takes(one[2]) and fits(one[0])]
            uids = {study.study_instance_uid for _, study, _ in found}
            rows.add((name, age, len(found), len(uids), len({patient.number for patient, _, _ in found})))
    return rows
