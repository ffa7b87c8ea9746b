"""The awkward things that real archives and clinical databases hold, each with a patient who shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from extract.synthetic.entities import Patient, Procedure, Study
from extract.synthetic.plans import StudyKind

#: What each patient (by number) is there to show: rare kinds of object, awkward things in the files and in the CDM.
AWKWARD_CASES: Mapping[int, str] = {
    1: "SEG object and Basic Text SR beside the images; contrast given as NONE in the low-dose CT; brain metastases "
    "marked by software on an oblique grid, in a study of results, and contoured by a reader",
    2: "deflated transfer syntax; an instance twice under two file names; ultrasound; mammography with both sides in "
    "one series; dose SR; a part-solid nodule marked by two readers, by one in every form",
    3: "RTSTRUCT; enhanced multi-frame MR; PET/CT; a study whose files have no suffix",
    4: "StudyTime absent from the enhanced CT; a marked nodule that grows",
    5: "StudyDate written 2012.03.04, as ACR-NEMA did, in the radiograph; two nodules in a table of four readers",
    6: "StudyTime present but empty in the enhanced CT; segmentations of an unknown series, of another frame of "
    "reference, of another patient's id and with an empty segment, and a structure set of points alone",
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
    26: "the order and the performed examination of one enhanced CT are two procedures",
    27: "two chest CT procedures on the day of one enhanced CT that has no accession number",
    28: "chest and abdomen CT: one study, one order, two procedures",
    29: "PET and CT: two studies, one order, one procedure",
    31: "the accession number of the enhanced CT is that of patient 32's procedure",
    33: "no accession number in the enhanced CT, and one procedure on its day",
    34: "no accession number in the enhanced CT, and its procedure a day later",
    36: "no accession number in the enhanced CT, and its procedure ten days later",
    37: "all dates in the files 400 days early, and marked so; osimertinib",
    39: "a procedure and a report of an enhanced CT whose images are missing, which the list of expected counts has",
    40: "hypertension after the first osimertinib",
    41: "an enhanced CT without a procedure",
    42: "an enhanced CT half of whose images bear the id of patient 43",
    44: "in the files, and not in the CDM",
    46: "preliminary report, report and addendum of the enhanced CT",
    47: "17 years old at the diagnosis",
    48: "diagnosed on the 18th birthday",
    50: "diagnosed on 2009-12-31, a day before the paper's period",
    51: "diagnosed on 2017-12-31, the last day of the paper's period",
    52: "secondary lung cancer alone",
    53: "diagnosed on the 60th birthday",
    55: "enhanced T1 of 1.004 mm",
    56: "diagnosed on the day before the 60th birthday; enhanced T1 of 0.996 mm",
    58: "osimertinib, and no CT",
    59: "enhanced T1 of 0.994 mm",
    61: "low-dose CT series of 150 instances",
    62: "enhanced T1 of 1.006 mm",
    63: "low-dose CT series of 151 instances",
    65: "low-dose CT series of 160 instances",
    67: "low-dose CT series of 170 instances",
    69: "low-dose CT series of 212 instances",
    70: "hypertension on the day of the first osimertinib",
    71: "low-dose CT as one instance of 150 frames",
    73: "low-dose CT as one instance of 151 frames",
    75: "low-dose CT as one instance of 180 frames",
    76: "of the birth only the year is recorded; osimertinib",
}


def _later(study: Study, days: int) -> tuple[Procedure, ...]:
    return tuple(replace(procedure, days_later=days) for procedure in study.procedures)


def _one_order(study: Study) -> Study:
    """Of PET and CT under one order the PET has the procedure, and the CT its accession number."""
    if study.series[0].protocol.kind == "PT":
        return replace(study, accession_number="SYNA0029PET", accession_written="SYNA0029PET")
    return replace(study, accession_number="SYNA0029PET", accession_written="SYNA0029PET", procedures=())


#: Changes to one study's files or CDM records, by patient and kind of study.
STUDY_QUIRKS: Mapping[tuple[int, StudyKind], Callable[[Study], Study]] = {
    (2, "CHEST_XRAY"): lambda study: replace(study, syntax="DEFLATED"),
    (2, "ENHANCED_CT"): lambda study: replace(study, first_instance_twice=True),
    (3, "ENHANCED_CT"): lambda study: replace(study, file_suffix=""),
    (4, "ENHANCED_CT"): lambda study: replace(study, time_written="ABSENT"),
    (5, "CHEST_XRAY"): lambda study: replace(study, dotted_date=True),
    (6, "ENHANCED_CT"): lambda study: replace(study, time_written="EMPTY"),
    (8, "ENHANCED_CT"): lambda study: replace(study, procedures=_later(study, 1)),
    (11, "ENHANCED_CT"): lambda study: replace(study, accession_in_request_only=True),
    (12, "ENHANCED_CT"): lambda study: replace(study, first_instance_twice=True, procedures=2 * study.procedures),
    (16, "ENHANCED_CT"): lambda study: replace(study, procedures=()),
    (26, "ENHANCED_CT"): lambda study: replace(
        study, procedures=(replace(study.procedures[0], ordered=True), *study.procedures)
    ),
    (27, "ENHANCED_CT"): lambda study: replace(
        study, accession_written="", procedures=(*study.procedures, Procedure("CHEST_CT_PLAIN", hours_later=3))
    ),
    (29, "PET_CT"): _one_order,
    (31, "ENHANCED_CT"): lambda study: replace(study, accession_written="SYNA0032002"),
    (33, "ENHANCED_CT"): lambda study: replace(study, accession_written=""),
    (34, "ENHANCED_CT"): lambda study: replace(study, accession_written="", procedures=_later(study, 1)),
    (36, "ENHANCED_CT"): lambda study: replace(study, accession_written="", procedures=_later(study, 10)),
    (39, "ENHANCED_CT"): lambda study: replace(study, series=(), instances_missing=study.instances_expected),
    (41, "ENHANCED_CT"): lambda study: replace(study, procedures=()),
    (42, "ENHANCED_CT"): lambda study: replace(study, second_patient_id="SYN-0043"),
    (46, "ENHANCED_CT"): lambda study: replace(study, reports=("PRELIMINARY", "FINAL", "ADDENDUM")),
}

#: Days of diagnosis that something depends on.
DIAGNOSIS_DATES: Mapping[int, date] = {
    5: date(2012, 3, 28),  # near the dotted date of the radiograph
    50: date(2009, 12, 31),
    51: date(2017, 12, 31),
}


def _born(patient: Patient, age: int, days_later: int = 0) -> Patient:
    """The patient with the birthday of that age on the day of the diagnosis, or so many days after it."""
    birthday = patient.diagnosis_date + timedelta(days=days_later)
    return replace(patient, birth_date=birthday.replace(year=birthday.year - age))


def _shifted(patient: Patient, days: int) -> Patient:
    return replace(patient, studies=tuple(replace(study, date_shift_days=days) for study in patient.studies))


def _without_ct(patient: Patient) -> Patient:
    return replace(patient, studies=tuple(study for study in patient.studies if not study.kind.endswith("_CT")))


#: Changes to a patient as a whole.
PATIENT_QUIRKS: Mapping[int, Callable[[Patient], Patient]] = {
    37: lambda patient: _shifted(patient, -400),
    44: lambda patient: replace(patient, in_cdm=False),
    47: lambda patient: _born(patient, 18, 1),
    48: lambda patient: _born(patient, 18),
    52: lambda patient: replace(patient, primary=False),
    53: lambda patient: _born(patient, 60),
    56: lambda patient: _born(patient, 60, 1),
    58: _without_ct,
    70: lambda patient: replace(patient, hypertension_since=patient.drug_start),
    76: lambda patient: replace(patient, birth_recorded="YEAR"),
}
