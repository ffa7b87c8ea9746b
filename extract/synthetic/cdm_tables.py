"""The tables of OMOP CDM 5.4 that the demo fills, as the official PostgreSQL DDL declares them.

Source: OHDSI/CommonDataModel, ``inst/ddl/5.4/postgresql`` (column names, order, types, NOT NULL, primary keys) and the
field descriptions of https://ohdsi.github.io/CommonDataModel/cdm54.html, shortened.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; ``type`` is PostgreSQL's."""

    name: str
    type: str
    nullable: bool
    comment: str


@dataclass(frozen=True)
class Table:
    """One table; DEATH and CDM_SOURCE have no primary key in the CDM: the demo gives DEATH its person."""

    name: str
    comment: str
    primary_key: str | None
    columns: tuple[Column, ...]


#: Comments of columns that mean the same wherever they occur.
_COMMON = {
    "person_id": "The PERSON this row is about.",
    "provider_id": "The provider in charge; the demo has none.",
    "care_site_id": "The site of care; the demo has none.",
    "visit_occurrence_id": "The VISIT_OCCURRENCE in which it happened.",
    "visit_detail_id": "The VISIT_DETAIL in which it happened; the demo has none.",
    "stop_reason": "Why it ended, as the source says.",
}


def _table(name: str, comment: str, primary_key: str | None, lines: str) -> Table:
    """A table from lines of ``column | type | comment``; a ``!`` after the type means NOT NULL."""
    columns = []
    for line in lines.strip().splitlines():
        column, kind, *rest = (part.strip() for part in line.split("|"))
        text = rest[0] if rest else _COMMON[column]
        columns.append(Column(column, kind.removesuffix("!"), not kind.endswith("!"), text))
    return Table(name, comment, primary_key, tuple(columns))


TABLES: tuple[Table, ...] = (
    _table(
        "person",
        "One row per synthetic patient.",
        "person_id",
        """
        person_id | integer! | Identifier of the person.
        gender_concept_id | integer! | Sex at birth: 8507 male, 8532 female.
        year_of_birth | integer! | Year of birth.
        month_of_birth | integer | Month of birth, 1 to 12.
        day_of_birth | integer | Day of birth, 1 to 31.
        birth_datetime | timestamp | Date and time of birth.
        race_concept_id | integer! | Race; 0, since the demo's source records none.
        ethnicity_concept_id | integer! | Ethnicity; 0, since the demo's source records none.
        location_id | integer | Place of residence; the demo has none.
        provider_id | integer
        care_site_id | integer
        person_source_value | varchar(50) | The patient's identifier in the source: DICOM PatientID (0010,0020).
        gender_source_value | varchar(50) | Sex as the source has it: DICOM PatientSex (0010,0040).
        gender_source_concept_id | integer | Concept of the source's sex.
        race_source_value | varchar(50) | Race as the source has it.
        race_source_concept_id | integer | Concept of the source's race.
        ethnicity_source_value | varchar(50) | Ethnicity as the source has it.
        ethnicity_source_concept_id | integer | Concept of the source's ethnicity.
        """,
    ),
    _table(
        "observation_period",
        "The span of time in which events of a person would have been recorded.",
        "observation_period_id",
        """
        observation_period_id | integer! | Identifier of the period.
        person_id | integer!
        observation_period_start_date | date! | First day of the period.
        observation_period_end_date | date! | Last day of the period.
        period_type_concept_id | integer! | Where the period is known from: 32817 EHR.
        """,
    ),
    _table(
        "visit_occurrence",
        "Encounters with the hospital, one per imaging study and treatment.",
        "visit_occurrence_id",
        """
        visit_occurrence_id | integer! | Identifier of the visit.
        person_id | integer!
        visit_concept_id | integer! | Kind of visit: 9202 outpatient, 9201 inpatient.
        visit_start_date | date! | First day.
        visit_start_datetime | timestamp | Begin.
        visit_end_date | date! | Last day.
        visit_end_datetime | timestamp | End.
        visit_type_concept_id | integer! | Where the visit is known from: 32817 EHR.
        provider_id | integer
        care_site_id | integer
        visit_source_value | varchar(50) | Kind of visit as the source has it.
        visit_source_concept_id | integer | Concept of the source's kind of visit.
        admitted_from_concept_id | integer | Where the patient came from.
        admitted_from_source_value | varchar(50) | Where the patient came from, as the source has it.
        discharged_to_concept_id | integer | Where the patient went.
        discharged_to_source_value | varchar(50) | Where the patient went, as the source has it.
        preceding_visit_occurrence_id | integer | The visit before this one.
        """,
    ),
    _table(
        "condition_occurrence",
        "Diagnoses: the lung cancer and, where the patient has them, hypertension and brain metastasis.",
        "condition_occurrence_id",
        """
        condition_occurrence_id | integer! | Identifier of the diagnosis.
        person_id | integer!
        condition_concept_id | integer! | Standard concept of the diagnosis.
        condition_start_date | date! | Day of the diagnosis.
        condition_start_datetime | timestamp | Time of the diagnosis.
        condition_end_date | date | Day it was over.
        condition_end_datetime | timestamp | Time it was over.
        condition_type_concept_id | integer! | Where it is known from: 32817 EHR.
        condition_status_concept_id | integer | Status, such as final diagnosis.
        stop_reason | varchar(20)
        provider_id | integer
        visit_occurrence_id | integer
        visit_detail_id | integer
        condition_source_value | varchar(50) | The diagnosis as the source has it.
        condition_source_concept_id | integer | Concept of the source's diagnosis.
        condition_status_source_value | varchar(50) | Status as the source has it.
        """,
    ),
    _table(
        "drug_exposure",
        "Tyrosine kinase inhibitors, one row per prescription of 30 days.",
        "drug_exposure_id",
        """
        drug_exposure_id | integer! | Identifier of the exposure.
        person_id | integer!
        drug_concept_id | integer! | Standard concept of the drug, here the ingredient.
        drug_exposure_start_date | date! | First day.
        drug_exposure_start_datetime | timestamp | Begin.
        drug_exposure_end_date | date! | Last day.
        drug_exposure_end_datetime | timestamp | End.
        verbatim_end_date | date | Last day as the source has it.
        drug_type_concept_id | integer! | Where it is known from: 32817 EHR.
        stop_reason | varchar(20)
        refills | integer | Refills after the first.
        quantity | numeric | Number of units given, tablets here.
        days_supply | integer | Days that the units last.
        sig | text | Directions as written.
        route_concept_id | integer | Way into the body.
        lot_number | varchar(50) | Lot of the product.
        provider_id | integer
        visit_occurrence_id | integer
        visit_detail_id | integer
        drug_source_value | varchar(50) | The drug as the source has it.
        drug_source_concept_id | integer | Concept of the source's drug.
        route_source_value | varchar(50) | Way into the body as the source has it.
        dose_unit_source_value | varchar(50) | Unit of the dose as the source has it.
        """,
    ),
    _table(
        "procedure_occurrence",
        "Imaging procedures, as ordered and performed.",
        "procedure_occurrence_id",
        """
        procedure_occurrence_id | integer! | Identifier of the procedure.
        person_id | integer!
        procedure_concept_id | integer! | Standard concept of the imaging procedure.
        procedure_date | date! | Day it was performed.
        procedure_datetime | timestamp | Time it was performed.
        procedure_end_date | date | Day it ended.
        procedure_end_datetime | timestamp | Time it ended.
        procedure_type_concept_id | integer! | Where it is known from: 32817 EHR, 32833 EHR order.
        modifier_concept_id | integer | Modifier of the procedure.
        quantity | integer | How many of it.
        provider_id | integer
        visit_occurrence_id | integer
        visit_detail_id | integer
        procedure_source_value | varchar(50) | The order: DICOM AccessionNumber (0008,0050), in three of four patients.
        procedure_source_concept_id | integer | Concept of the source's procedure.
        modifier_source_value | varchar(50) | Modifier as the source has it.
        """,
    ),
    _table(
        "measurement",
        "Brain metastases, as OMOP's vocabulary Cancer Modifier has them.",
        "measurement_id",
        """
        measurement_id | integer! | Identifier of the measurement.
        person_id | integer!
        measurement_concept_id | integer! | Standard concept of what was measured.
        measurement_date | date! | Day of the measurement.
        measurement_datetime | timestamp | Time of the measurement.
        measurement_time | varchar(10) | Time of the measurement in older CDMs.
        measurement_type_concept_id | integer! | Where it is known from: 32817 EHR.
        operator_concept_id | integer | Relation of the value to the truth, such as less than.
        value_as_number | numeric | The value as a number.
        value_as_concept_id | integer | The value as a concept.
        unit_concept_id | integer | Unit of the value.
        range_low | numeric | Lower limit of what is normal.
        range_high | numeric | Upper limit of what is normal.
        provider_id | integer
        visit_occurrence_id | integer
        visit_detail_id | integer
        measurement_source_value | varchar(50) | What was measured, as the source has it.
        measurement_source_concept_id | integer | Concept of the source's measurement.
        unit_source_value | varchar(50) | Unit as the source has it.
        unit_source_concept_id | integer | Concept of the source's unit.
        value_source_value | varchar(50) | The value as the source has it.
        measurement_event_id | integer | The event that the measurement belongs to.
        meas_event_field_concept_id | integer | Field of that event's id.
        """,
    ),
    _table(
        "death",
        "Patients who died, one row each.",
        "person_id",
        """
        person_id | integer!
        death_date | date! | Day of death.
        death_datetime | timestamp | Time of death.
        death_type_concept_id | integer | Where it is known from: 32817 EHR.
        cause_concept_id | integer | Standard concept of the cause.
        cause_source_value | varchar(50) | Cause as the source has it.
        cause_source_concept_id | integer | Concept of the source's cause.
        """,
    ),
    _table(
        "note",
        "Radiology reports, synthetic, mostly one per imaging order.",
        "note_id",
        """
        note_id | integer! | Identifier of the note.
        person_id | integer!
        note_date | date! | Day it was written.
        note_datetime | timestamp | Time it was written.
        note_type_concept_id | integer! | Where it is known from: 32841 EHR radiology report.
        note_class_concept_id | integer! | LOINC class of the document; 0, not mapped in the demo.
        note_title | varchar(250) | Title of the note.
        note_text | text! | The text.
        encoding_concept_id | integer! | Character encoding: 32678 UTF-8.
        language_concept_id | integer! | Language: 4180186 English.
        provider_id | integer
        visit_occurrence_id | integer
        visit_detail_id | integer
        note_source_value | varchar(50) | Kind of note or, where no event is named, the order's accession number.
        note_event_id | integer | The event the note is about: its PROCEDURE_OCCURRENCE.
        note_event_field_concept_id | integer | Field of that id: 1147082 procedure_occurrence_id.
        """,
    ),
    _table(
        "cdm_source",
        "Who made this CDM, from what and when.",
        None,
        """
        cdm_source_name | varchar(255)! | Name of this CDM.
        cdm_source_abbreviation | varchar(25)! | Short name.
        cdm_holder | varchar(255)! | Who holds it.
        source_description | text | What it was made from.
        source_documentation_reference | varchar(255) | Where the source is described.
        cdm_etl_reference | varchar(255) | What made it.
        source_release_date | date! | Day of the source data.
        cdm_release_date | date! | Day of the CDM.
        cdm_version | varchar(10) | Version of the CDM.
        cdm_version_concept_id | integer! | Concept of that version: 756265.
        vocabulary_version | varchar(20)! | Version of the vocabulary.
        """,
    ),
)
