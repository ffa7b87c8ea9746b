"""The cohort's clinical side: a small OMOP CDM 5.4 of the same patients, as CSV files and as tables in PostgreSQL.

Concept ids are those of the project's vocabulary notes; 0 stands wherever the source says nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extract.synthetic.cdm_tables import TABLES, Table
from extract.synthetic.entities import Drug, Examination, Histology, Patient, Report, Study
from extract.synthetic.plans import DETAILED

Cell = str | int | date | datetime | None
Row = Mapping[str, Cell]

#: Begins the comment of the demo's schema and of its tables; what does not bear it is never touched.
MARK = "Synthetic I-CDM demo"

_EHR, _EHR_ORDER = 32817, 32833
_RADIOLOGY_REPORT = 32841
_OUTPATIENT, _INPATIENT = 9202, 9201
_GENDER = {"M": 8507, "F": 8532}
_UTF8, _ENGLISH = 32678, 4180186
_PROCEDURE_FIELD = 1147082
_HYPERTENSION = 320128
_LUNG_CANCER = 258369
_SECONDARY_LUNG_CANCER = 254591
_EGFR_MUTATED = 45766129
#: Brain metastasis as a condition and, of OMOP's vocabulary Cancer Modifier, as a measurement.
_BRAIN_METASTASIS_CONDITION, _BRAIN_METASTASIS_MEASUREMENT = 4246451, 36768862
_HISTOLOGY: Mapping[Histology, tuple[int, str]] = {
    "ADENOCARCINOMA": (4112738, "Adenocarcinoma of lung"),
    "SQUAMOUS": (4110705, "Squamous cell carcinoma of lung"),
    "SMALL_CELL": (4110591, "Small cell carcinoma of lung"),
}
_DRUG: Mapping[Drug, tuple[int, str]] = {
    "OSIMERTINIB": (35605522, "osimertinib 80 mg tab"),
    "GEFITINIB": (1319193, "gefitinib 250 mg tab"),
    "ERLOTINIB": (1325363, "erlotinib 150 mg tab"),
}
#: Standard procedure concept and the words of the report's title.
_PROCEDURE: Mapping[Examination, tuple[int, str]] = {
    "CHEST_XRAY": (4163872, "Chest X-ray"),
    "CHEST_CT": (4058335, "Chest CT"),
    "CHEST_CT_PLAIN": (36713200, "Chest CT, no contrast"),
    "ABDOMEN_CT": (4061009, "Abdomen CT"),
    "BRAIN_MR": (37311324, "Brain MRI"),
    "PET_CT": (4305790, "PET-CT whole body"),
    "ULTRASOUND": (4093436, "Ultrasound thorax"),
    "MAMMOGRAPHY": (4324693, "Mammography"),
}
#: Day of a report, counted from the examination, and its conclusion.
_REPORT: Mapping[Report, tuple[int, str]] = {
    "PRELIMINARY": (0, "preliminary, of no patient"),
    "FINAL": (0, "of no patient"),
    "ADDENDUM": (2, "addendum, of no patient"),
}


def person_id(patient: Patient) -> int:
    """PERSON.person_id of a patient: no part of PatientID, so that nothing can join by accident."""
    return 10_000 + 7 * patient.number


def _moment(study: Study) -> datetime:
    return datetime.strptime(f"{study.study_date:%Y%m%d}{study.study_time}", "%Y%m%d%H%M%S")


def _person(patient: Patient) -> Row:
    born = patient.birth_date
    return {
        "person_id": person_id(patient),
        "gender_concept_id": _GENDER[patient.sex],
        "year_of_birth": born.year,
        "month_of_birth": born.month if patient.birth_recorded == "DATE" else None,
        "day_of_birth": born.day if patient.birth_recorded == "DATE" else None,
        "race_concept_id": 0,
        "ethnicity_concept_id": 0,
        "person_source_value": patient.patient_id,
        "gender_source_value": patient.sex,
    }


def _observation_period(patient: Patient) -> Row:
    """From a month before the first event to death, or half a year after the last prescription or study."""
    days = [study.study_date for study in patient.studies] + [start for start, _ in _prescriptions(patient)]
    first = min(day for day in (*days, patient.diagnosis_date, patient.hypertension_since) if day)
    return {
        "observation_period_id": patient.number,
        "person_id": person_id(patient),
        "observation_period_start_date": first - timedelta(days=30),
        "observation_period_end_date": patient.death_date or max(days) + timedelta(days=180),
        "period_type_concept_id": _EHR,
    }


def _visit_id(patient: Patient, study: Study) -> int:
    return patient.number * 1000 + study.study_number


def _visits(patient: Patient) -> Iterator[Row]:
    """A visit per study; the staging CT falls into a stay of three days."""
    for study in patient.studies:
        if study.kind == "RESULTS":
            continue
        stay = study.kind == "ENHANCED_CT"
        yield {
            "visit_occurrence_id": _visit_id(patient, study),
            "person_id": person_id(patient),
            "visit_concept_id": _INPATIENT if stay else _OUTPATIENT,
            "visit_start_date": study.study_date,
            "visit_end_date": study.study_date + timedelta(days=2 if stay else 0),
            "visit_type_concept_id": _EHR,
            "visit_source_value": "INPATIENT" if stay else "OUTPATIENT",
        }


def _conditions(patient: Patient) -> Iterator[Row]:
    histology, text = _HISTOLOGY[patient.histology]
    if patient.primary:
        found = [(_LUNG_CANCER, patient.diagnosis_date, "Lung cancer"), (histology, patient.diagnosis_date, text)]
    else:
        found = [(_SECONDARY_LUNG_CANCER, patient.diagnosis_date, "Lung metastasis")]
    if patient.egfr_mutated and patient.primary:
        found.append((_EGFR_MUTATED, patient.diagnosis_date + timedelta(days=14), "NSCLC, EGFR mutation"))
    if patient.hypertension_since:
        found.append((_HYPERTENSION, patient.hypertension_since, "Essential hypertension"))
    if patient.brain_metastasis and "CONDITION_OCCURRENCE" in patient.brain_metastasis[1]:
        found.append((_BRAIN_METASTASIS_CONDITION, patient.brain_metastasis[0], "Brain metastasis"))
    for order, (concept, day, source) in enumerate(found, start=1):
        yield {
            "condition_occurrence_id": patient.number * 1000 + order,
            "person_id": person_id(patient),
            "condition_concept_id": concept,
            "condition_start_date": day,
            "condition_type_concept_id": _EHR,
            "condition_source_value": source,
        }


def _prescriptions(patient: Patient) -> list[tuple[date, date]]:
    """First and last day of six prescriptions of 30 days each."""
    if not patient.drug_start:
        return []
    starts = [patient.drug_start + timedelta(days=30 * order) for order in range(6)]
    return [(start, start + timedelta(days=29)) for start in starts]


def _drugs(patient: Patient) -> Iterator[Row]:
    if not patient.drug:
        return
    concept, source = _DRUG[patient.drug]
    for order, (start, end) in enumerate(_prescriptions(patient), start=1):
        yield {
            "drug_exposure_id": patient.number * 1000 + order,
            "person_id": person_id(patient),
            "drug_concept_id": concept,
            "drug_exposure_start_date": start,
            "drug_exposure_end_date": end,
            "drug_type_concept_id": _EHR,
            "quantity": 30,
            "days_supply": 30,
            "drug_source_value": source,
        }


def _measurements(patient: Patient) -> Iterator[Row]:
    if patient.brain_metastasis and "MEASUREMENT" in patient.brain_metastasis[1]:
        yield {
            "measurement_id": patient.number,
            "person_id": person_id(patient),
            "measurement_concept_id": _BRAIN_METASTASIS_MEASUREMENT,
            "measurement_date": patient.brain_metastasis[0],
            "measurement_type_concept_id": _EHR,
            "measurement_source_value": "Brain metastasis",
        }


def _accession(patient: Patient, study: Study) -> str | None:
    """The order's accession number; every fourth patient's orders came into the CDM without it."""
    return study.accession_number if patient.number % 4 else None


def _procedure_id(patient: Patient, study: Study, record: int) -> int:
    return (patient.number * 1000 + study.study_number) * 10 + record


def _procedures(patient: Patient) -> Iterator[Row]:
    """What was ordered with each study, whether or not there are images of it."""
    for study in patient.studies:
        for record, procedure in enumerate(study.procedures):
            when = _moment(study) + timedelta(days=procedure.days_later, hours=procedure.hours_later)
            yield {
                "procedure_occurrence_id": _procedure_id(patient, study, record),
                "person_id": person_id(patient),
                "procedure_concept_id": _PROCEDURE[procedure.examination][0],
                "procedure_date": when.date(),
                "procedure_datetime": when,
                "procedure_type_concept_id": _EHR_ORDER if procedure.ordered else _EHR,
                "quantity": 1,
                "visit_occurrence_id": _visit_id(patient, study),
                "procedure_source_value": _accession(patient, study),
            }


def _deaths(patient: Patient) -> Iterator[Row]:
    if patient.death_date:
        yield {
            "person_id": person_id(patient),
            "death_date": patient.death_date,
            "death_type_concept_id": _EHR,
            "cause_concept_id": _LUNG_CANCER,
            "cause_source_value": "Lung cancer",
        }


def _notes(patient: Patient) -> Iterator[Row]:
    """Reports name their procedure; those of every third of the many patients only the accession number, if any."""
    by_event = patient.number <= DETAILED or patient.number % 3 != 2
    for study in patient.studies:
        if not study.procedures:
            continue
        title = _PROCEDURE[study.procedures[0].examination][1]
        lesion = f"A nodule of {2 * patient.nodule.radius:.0f} mm." if study.kind.endswith("_CT") else "See images."
        for order, report in enumerate(study.reports):
            days, conclusion = _REPORT[report]
            when = _moment(study) + timedelta(days=days, hours=order + 1)
            yield {
                "note_id": _visit_id(patient, study) * 10 + order,
                "person_id": person_id(patient),
                "note_date": when.date(),
                "note_datetime": when,
                "note_type_concept_id": _RADIOLOGY_REPORT,
                "note_class_concept_id": 0,
                "note_title": f"{title}, {'addendum' if report == 'ADDENDUM' else 'report'}",
                "note_text": f"SYNTHETIC REPORT\nExamination: {title}.\nFindings: {lesion}\nConclusion: {conclusion}.",
                "encoding_concept_id": _UTF8,
                "language_concept_id": _ENGLISH,
                "visit_occurrence_id": _visit_id(patient, study),
                "note_source_value": "Radiology report" if by_event else _accession(patient, study),
                "note_event_id": _procedure_id(patient, study, 0) if by_event else None,
                "note_event_field_concept_id": _PROCEDURE_FIELD if by_event else None,
            }


_CDM_SOURCE: Row = {
    "cdm_source_name": "Synthetic lung-cancer cohort of the I-CDM demo",
    "cdm_source_abbreviation": "ICDM_DEMO",
    "cdm_holder": "SYNTHETIC HOSPITAL",
    "source_description": "Patients, studies and treatments drawn from a seed; nobody's data.",
    "cdm_etl_reference": "icdm-extract demo-data",
    "source_release_date": date(2021, 12, 31),
    "cdm_release_date": date(2021, 12, 31),
    "cdm_version": "5.4",
    "cdm_version_concept_id": 756265,
    "vocabulary_version": "none (synthetic)",
}


def rows(cohort: tuple[Patient, ...]) -> dict[str, list[Row]]:
    """Rows by table, every table of ``TABLES``; columns that are left out are NULL."""
    cohort = tuple(patient for patient in cohort if patient.in_cdm)
    return {
        "person": [_person(patient) for patient in cohort],
        "observation_period": [_observation_period(patient) for patient in cohort],
        "visit_occurrence": [row for patient in cohort for row in _visits(patient)],
        "condition_occurrence": [row for patient in cohort for row in _conditions(patient)],
        "drug_exposure": [row for patient in cohort for row in _drugs(patient)],
        "procedure_occurrence": [row for patient in cohort for row in _procedures(patient)],
        "measurement": [row for patient in cohort for row in _measurements(patient)],
        "death": [row for patient in cohort for row in _deaths(patient)],
        "note": [row for patient in cohort for row in _notes(patient)],
        "cdm_source": [_CDM_SOURCE],
    }


def csv_name(table: Table) -> str:
    """File name of a table's CSV."""
    return f"{table.name}.csv"


def write_csv(cohort: tuple[Patient, ...], directory: Path) -> dict[str, int]:
    """Write ``<directory>/<table>.csv`` (UTF-8, header, empty for NULL) of every table; returns the row counts."""
    directory.mkdir(parents=True, exist_ok=True)
    made = rows(cohort)
    for table in TABLES:
        names = [column.name for column in table.columns]
        with (directory / csv_name(table)).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(made[table.name])
    return {table.name: len(made[table.name]) for table in TABLES}


class ForeignSchemaError(RuntimeError):
    """The schema holds tables that this demo did not make."""


def _refuse_foreign(cursor: psycopg.Cursor[Any], schema: str) -> None:
    """Raise unless the schema is absent, empty, or marked as the demo's, and its tables of the demo's names too."""
    cursor.execute(
        "select obj_description(n.oid, 'pg_namespace'), c.relname, obj_description(c.oid, 'pg_class') "
        "from pg_namespace as n join pg_class as c on c.relnamespace = n.oid "
        "where n.nspname = %s and c.relkind not in ('i', 'I', 't', 'c')",
        (schema,),
    )
    ours = {table.name for table in TABLES}
    for schema_comment, relation, comment in cursor.fetchall():
        if not (schema_comment or "").startswith(MARK):
            raise ForeignSchemaError(
                f"schema {schema!r} holds {relation!r} and is not marked as made by this demo; "
                "nothing was changed: name another schema"
            )
        if relation in ours and not (comment or "").startswith(MARK):
            raise ForeignSchemaError(
                f"{schema}.{relation} is not marked as made by this demo; nothing was changed: name another schema"
            )


def _create(cursor: psycopg.Cursor[Any], schema: str, table: Table) -> sql.Identifier:
    """Drop the demo's earlier table, if any, and make it anew with primary key and comments."""
    name = sql.Identifier(schema, table.name)
    parts: list[sql.Composable] = [
        sql.SQL("{} {} {}").format(
            sql.Identifier(column.name), sql.SQL(column.type), sql.SQL("null" if column.nullable else "not null")
        )
        for column in table.columns
    ]
    if table.primary_key:
        parts.append(sql.SQL("primary key ({})").format(sql.Identifier(table.primary_key)))
    cursor.execute(sql.SQL("drop table if exists {}").format(name))
    cursor.execute(sql.SQL("create table {} ({})").format(name, sql.SQL(", ").join(parts)))
    cursor.execute(sql.SQL("comment on table {} is {}").format(name, sql.Literal(f"{MARK}: {table.comment}")))
    for column in table.columns:
        target = sql.Identifier(schema, table.name, column.name)
        cursor.execute(sql.SQL("comment on column {} is {}").format(target, sql.Literal(column.comment)))
    return name


def load(connection: psycopg.Connection[Any], directory: Path, schema: str = "demo_cdm") -> dict[str, int]:
    """(Re)create the demo's CDM tables in ``schema`` and fill them from ``directory/<table>.csv``; returns row counts.

    All in one transaction (in a savepoint, where the caller already has one open). Raises ForeignSchemaError, and
    changes nothing, where the schema holds anything that this demo did not make.
    """
    counts = {}
    with connection.transaction(), connection.cursor() as cursor:
        _refuse_foreign(cursor, schema)
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        mark = f"{MARK}: a small OMOP CDM 5.4 of synthetic patients, rebuilt at will"
        cursor.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(schema), sql.Literal(mark)))
        for table in TABLES:
            name = _create(cursor, schema, table)
            columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
            statement = sql.SQL("copy {} ({}) from stdin with (format csv, header true, encoding 'UTF8')")
            with cursor.copy(statement.format(name, columns)) as copy:
                copy.write((directory / csv_name(table)).read_bytes())
            counts[table.name] = cursor.rowcount
    return counts
