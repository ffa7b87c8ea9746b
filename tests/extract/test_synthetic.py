"""The demo's data: the same every time, true DICOM, and patients that match the clinical tables."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import psycopg
import pydicom
import pytest
import SimpleITK
from psycopg import sql
from pydicom import config
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
)
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from extract.annotations.mapping import LabelMapEntry, TableEntry, read_mapping
from extract.synthetic import MARKER, DemoSummary, FolderNotOursError, annotation_files, omop_cdm, write_demo_data
from extract.synthetic.cdm_tables import TABLES
from extract.synthetic.cohort import build_cohort
from extract.synthetic.dicom_writer import write, write_cohort
from extract.synthetic.entities import Patient, Study
from extract.synthetic.lesions import AXIAL, OBLIQUE, TURNED, Lesion, grid_around, mask

PATIENTS = 3
SEED = 59187
#: Columns of OMOP CDM 5.4 in order, NOT NULL ones marked; stated again here, apart from the code under test.
CDM_54 = {
    "person": "person_id! gender_concept_id! year_of_birth! month_of_birth day_of_birth birth_datetime "
    "race_concept_id! ethnicity_concept_id! location_id provider_id care_site_id person_source_value "
    "gender_source_value gender_source_concept_id race_source_value race_source_concept_id ethnicity_source_value "
    "ethnicity_source_concept_id",
    "observation_period": "observation_period_id! person_id! observation_period_start_date! "
    "observation_period_end_date! period_type_concept_id!",
    "visit_occurrence": "visit_occurrence_id! person_id! visit_concept_id! visit_start_date! visit_start_datetime "
    "visit_end_date! visit_end_datetime visit_type_concept_id! provider_id care_site_id visit_source_value "
    "visit_source_concept_id admitted_from_concept_id admitted_from_source_value discharged_to_concept_id "
    "discharged_to_source_value preceding_visit_occurrence_id",
    "condition_occurrence": "condition_occurrence_id! person_id! condition_concept_id! condition_start_date! "
    "condition_start_datetime condition_end_date condition_end_datetime condition_type_concept_id! "
    "condition_status_concept_id stop_reason provider_id visit_occurrence_id visit_detail_id condition_source_value "
    "condition_source_concept_id condition_status_source_value",
    "drug_exposure": "drug_exposure_id! person_id! drug_concept_id! drug_exposure_start_date! "
    "drug_exposure_start_datetime drug_exposure_end_date! drug_exposure_end_datetime verbatim_end_date "
    "drug_type_concept_id! stop_reason refills quantity days_supply sig route_concept_id lot_number provider_id "
    "visit_occurrence_id visit_detail_id drug_source_value drug_source_concept_id route_source_value "
    "dose_unit_source_value",
    "procedure_occurrence": "procedure_occurrence_id! person_id! procedure_concept_id! procedure_date! "
    "procedure_datetime procedure_end_date procedure_end_datetime procedure_type_concept_id! modifier_concept_id "
    "quantity provider_id visit_occurrence_id visit_detail_id procedure_source_value procedure_source_concept_id "
    "modifier_source_value",
    "measurement": "measurement_id! person_id! measurement_concept_id! measurement_date! measurement_datetime "
    "measurement_time measurement_type_concept_id! operator_concept_id value_as_number value_as_concept_id "
    "unit_concept_id range_low range_high provider_id visit_occurrence_id visit_detail_id measurement_source_value "
    "measurement_source_concept_id unit_source_value unit_source_concept_id value_source_value measurement_event_id "
    "meas_event_field_concept_id",
    "death": "person_id! death_date! death_datetime death_type_concept_id cause_concept_id cause_source_value "
    "cause_source_concept_id",
    "note": "note_id! person_id! note_date! note_datetime note_type_concept_id! note_class_concept_id! note_title "
    "note_text! encoding_concept_id! language_concept_id! provider_id visit_occurrence_id visit_detail_id "
    "note_source_value note_event_id note_event_field_concept_id",
    "cdm_source": "cdm_source_name! cdm_source_abbreviation! cdm_holder! source_description "
    "source_documentation_reference cdm_etl_reference source_release_date! cdm_release_date! cdm_version "
    "cdm_version_concept_id! vocabulary_version!",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoSummary]:
    """A small cohort on disk; its first three patients hold every kind of object."""
    directory = tmp_path_factory.mktemp("demo") / "data"
    return directory, write_demo_data(directory, PATIENTS, SEED)


@pytest.fixture
def strict() -> Iterator[None]:
    """pydicom raises on any value that its VR does not allow."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    yield
    config.settings.reading_validation_mode = before


def _tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _dicom_files(directory: Path) -> list[Path]:
    return sorted(path for path in (directory / "dicom").rglob("*") if path.is_file() and path.name != "README.txt")


def _csv(directory: Path, table: str) -> list[dict[str, str]]:
    with (directory / "omop_cdm" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _whole_cohort() -> list[tuple[Patient, Study]]:
    return [(patient, study) for patient in build_cohort(240, SEED) for study in patient.studies]


def test_the_same_arguments_give_the_same_bytes(demo: tuple[Path, DemoSummary], tmp_path: Path) -> None:
    directory, summary = demo
    told: list[tuple[int, int]] = []
    # A larger cohort first: what it leaves behind must be gone, and what it wrote alike must be the same.
    write_demo_data(tmp_path / "again", PATIENTS + 1, SEED)
    again = write_demo_data(tmp_path / "again", PATIENTS, SEED, progress=lambda done, total: told.append((done, total)))
    assert again == summary
    assert _tree(tmp_path / "again") == _tree(directory)
    assert not (tmp_path / "again" / "dicom" / "SYN-0004").exists()
    assert told[-1] == (summary.files + 1, summary.files + 1)


def test_another_seed_gives_other_identifiers() -> None:
    ids = [{study.study_instance_uid for study in build_cohort(1, seed)[0].studies} for seed in (1, 2)]
    assert ids[0].isdisjoint(ids[1])


def test_files_are_true_dicom(demo: tuple[Path, DemoSummary], strict: None) -> None:
    directory, summary = demo
    files = _dicom_files(directory)
    instances = set()
    modalities: Counter[str] = Counter()
    for path in files:
        dataset = pydicom.dcmread(path)
        for element in dataset.iterall():
            assert element.value is None or element.VR  # decoding an element is what validates it
        assert all(UID(dataset[keyword].value).is_valid for keyword in ("StudyInstanceUID", "SeriesInstanceUID"))
        assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID
        assert dataset.PatientID == path.relative_to(directory / "dicom").parts[0]
        assert str(dataset.PatientName).startswith("SYNTHETIC^PATIENT^")
        instances.add(dataset.SOPInstanceUID)
        modalities[dataset.Modality] += 1
        if dataset.Modality not in ("SR", "RTSTRUCT"):
            bits = dataset.Rows * dataset.Columns * dataset.get("NumberOfFrames", 1) * dataset.BitsAllocated
            assert len(dataset.PixelData) == -(-bits // 16) * 2
            assert any(dataset.PixelData)
    assert modalities == summary.files_by_modality
    assert (len(files), len(instances)) == (summary.files, summary.instances)
    assert set(modalities) == {"CR", "CT", "MG", "MR", "PT", "RTSTRUCT", "SEG", "SR", "US"}


def test_text_comes_back_in_korean(demo: tuple[Path, DemoSummary]) -> None:
    directory, _ = demo
    found = defaultdict(set)
    for path in _dicom_files(directory):
        dataset = pydicom.dcmread(path, specific_tags=["SpecificCharacterSet", "StudyDescription"])
        found[str(dataset.SpecificCharacterSet)].add(dataset.StudyDescription)
    assert "흉부 CT 조영증강" in found["['', 'ISO 2022 IR 149']"]
    assert "흉부 CT 조영증강" in found["ISO_IR 192"]


def test_what_the_awkward_patients_show(demo: tuple[Path, DemoSummary]) -> None:
    directory, summary = demo
    assert summary.files == summary.instances + 1
    assert {path.suffix for path in _dicom_files(directory)} == {".dcm", ""}
    radiograph = next((directory / "dicom" / "SYN-0002").glob("*_CHEST_XRAY/001/IM0001.dcm"))
    assert pydicom.dcmread(radiograph).file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    with pytest.raises(pydicom.errors.InvalidDicomError):
        pydicom.dcmread(directory / "dicom" / "README.txt")


def test_what_the_later_awkward_patients_show(tmp_path: Path) -> None:
    """Only the studies in question are written."""
    kinds = {4: "ENHANCED_CT", 5: "CHEST_XRAY", **dict.fromkeys((6, 7, 8, 9, 10, 11, 12, 15), "ENHANCED_CT")}
    cohort = tuple(
        replace(patient, studies=tuple(study for study in patient.studies if study.kind == kinds[patient.number]))
        for patient in build_cohort(24, SEED)
        if patient.number in kinds
    )
    write_cohort(cohort, tmp_path)
    axial: dict[int, list[pydicom.Dataset]] = defaultdict(list)
    for path in sorted(tmp_path.rglob("*.dcm")):
        dataset = pydicom.dcmread(path)
        if dataset.SeriesNumber == (1 if dataset.Modality == "CR" else 2):
            axial[int(dataset.PatientID[-4:])].append(dataset)

    def values(number: int, keyword: str) -> list[int]:
        return sorted(Counter(str(dataset[keyword].value) for dataset in axial[number]).values())

    assert all("StudyTime" not in dataset for dataset in axial[4])
    assert axial[4][0].file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert axial[5][0].get_item("StudyDate").value == b"2012.03.04"
    assert axial[6][0].StudyTime == ""
    assert (axial[7][0].PatientPosition, axial[7][0].SeriesDescription) == ("", "")
    assert axial[8] and all("BodyPartExamined" not in dataset for dataset in axial[8])
    assert values(9, "SliceThickness")[0] == 2
    assert values(10, "BodyPartExamined")[0] == 3
    assert axial[10][0].IssuerOfPatientID == "SYNTHETIC HOSPITAL"
    assert axial[11][0].AccessionNumber == ""
    assert axial[11][0].RequestAttributesSequence[0].AccessionNumber.startswith("SYNA0011")
    assert len(set(values(15, "ConvolutionKernel"))) == 1 < len(values(15, "ConvolutionKernel"))
    assert len({str(dataset.WindowCenter) for dataset in axial[10]}) > 1
    assert axial[11][0].get_item("WindowCenter").value.strip() == rb"40\-600"
    copies = list(tmp_path.rglob("COPY_OF_IM0001.dcm"))
    assert [copy.read_bytes() == copy.with_name("IM0001.dcm").read_bytes() for copy in copies] == [True]


def test_what_the_many_patients_show(tmp_path: Path) -> None:
    kinds = {31: "ENHANCED_CT", 33: "ENHANCED_CT", 37: "LOW_DOSE_CT", 42: "ENHANCED_CT", 73: "LOW_DOSE_CT"}
    everybody = build_cohort(73, SEED)
    cohort = tuple(
        replace(patient, studies=tuple(study for study in patient.studies if study.kind == kinds[patient.number]))
        for patient in everybody
        if patient.number in kinds
    )
    assert [study.instances_expected for study in everybody[38].studies if not study.series] == [7]  # in the list alone
    write_cohort(cohort, tmp_path)
    files = {
        number: [pydicom.dcmread(path) for path in sorted((tmp_path / f"SYN-{number:04d}").rglob("*.dcm"))]
        for number in kinds
    }
    taken = {dataset.AccessionNumber for dataset in files[31]}
    assert taken == {study.accession_number for study in everybody[31].studies if study.kind == "ENHANCED_CT"}
    assert {dataset.AccessionNumber for dataset in files[33]} == {""}
    (shifted,) = cohort[2].studies
    assert {dataset.StudyDate for dataset in files[37]} == {f"{shifted.study_date - timedelta(days=400):%Y%m%d}"}
    assert {dataset.LongitudinalTemporalInformationModified for dataset in files[37]} == {"MODIFIED"}
    assert {dataset.PatientID for dataset in files[42]} == {"SYN-0042", "SYN-0043"}
    (enhanced,) = files[73]
    assert (enhanced.NumberOfFrames, len(enhanced.PerFrameFunctionalGroupsSequence)) == (151, 151)
    assert len(enhanced.PixelData) == 151 * 2 * enhanced.Rows * enhanced.Columns


def test_what_the_clinical_tables_hold_of_the_many_patients() -> None:
    cohort = build_cohort(80, SEED)
    rows = omop_cdm.rows(cohort)

    def of(number: int, table: str) -> list[omop_cdm.Row]:
        return [row for row in rows[table] if row["person_id"] == omop_cdm.person_id(cohort[number - 1])]

    assert of(44, "person") == of(44, "procedure_occurrence") == of(44, "note") == []
    assert [row["month_of_birth"] for row in of(76, "person")] == [None]
    (without_images,) = (study for study in cohort[38].studies if not study.series)
    assert without_images.study_date in [row["procedure_date"] for row in of(39, "procedure_occurrence")]
    reports = Counter(row["note_event_id"] for row in of(46, "note"))
    assert sorted(reports.values())[-2:] == [1, 3]
    assert next(row["condition_concept_id"] for row in of(52, "condition_occurrence")) == 254591
    ordered = [row["procedure_type_concept_id"] for row in of(26, "procedure_occurrence")]
    assert Counter(ordered)[32833] == 1
    for table, made in rows.items():
        ids = [row[f"{table}_id"] for row in made if f"{table}_id" in row]
        assert len(set(ids)) == len(ids)


def test_the_whole_cohort_covers_the_scenarios() -> None:
    cohort = build_cohort(240, SEED)
    osimertinib = Counter(bool(p.hypertension_since) for p in cohort if p.drug == "OSIMERTINIB")
    assert min(osimertinib[True], osimertinib[False]) >= 2
    makers = {series.scanner.manufacturer for _, study in _whole_cohort() for series in study.series}
    assert {"SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "Canon Medical Systems", "TOSHIBA"} <= makers
    assert all(date(2009, 12, 1) <= study.study_date <= date(2021, 12, 31) for _, study in _whole_cohort())
    thin = [
        series
        for _, study in _whole_cohort()
        for series in study.series
        if series.protocol.look == "brain_t1ce" and series.protocol.thickness <= 1
    ]
    assert any("B" in str(series.protocol.attributes["SeriesDescription"]).split()[0] for series in thin)
    assert not any(patient.death_date and patient.death_date < study.study_date for patient, study in _whole_cohort())


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(FolderNotOursError):
        write_demo_data(tmp_path, 1)
    (tmp_path / MARKER).write_text("some other tool\n../thesis.txt\n")
    with pytest.raises(FolderNotOursError):
        write_demo_data(tmp_path, 1)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [MARKER, "thesis.txt"]


def test_clinical_tables_are_of_the_same_patients(demo: tuple[Path, DemoSummary]) -> None:
    directory, summary = demo
    persons = {row["person_source_value"]: row["person_id"] for row in _csv(directory, "person")}
    studies = defaultdict(list)
    for path in _dicom_files(directory):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if dataset.StudyDescription != "LESION RESULTS":  # nobody ordered those
            studies[dataset.StudyInstanceUID].append((persons[dataset.PatientID], dataset.StudyDate))
    procedures = Counter(
        (row["person_id"], row["procedure_date"].replace("-", "")) for row in _csv(directory, "procedure_occurrence")
    )
    assert Counter(found[0] for found in studies.values()) == procedures
    assert {table: len(_csv(directory, table)) for table in CDM_54} == summary.cdm_rows


def test_procedures_that_do_not_match_are_the_intended_ones() -> None:
    """Per patient: what a study's procedures are, and by how many days they are later, where that is not one and 0."""
    odd = {
        (patient.number, study.kind): [(one.examination, one.days_later) for one in study.procedures]
        for patient, study in _whole_cohort()
        if study.kind != "RESULTS" and [one.days_later for one in study.procedures] != [0]
    }
    assert odd == {
        (8, "ENHANCED_CT"): [("CHEST_CT", 1)],
        (12, "ENHANCED_CT"): [("CHEST_CT", 0), ("CHEST_CT", 0)],
        (16, "ENHANCED_CT"): [],
        (26, "ENHANCED_CT"): [("CHEST_CT", 0), ("CHEST_CT", 0)],
        (27, "ENHANCED_CT"): [("CHEST_CT", 0), ("CHEST_CT_PLAIN", 0)],
        (28, "CHEST_ABDOMEN_CT"): [("CHEST_CT", 0), ("ABDOMEN_CT", 0)],
        (29, "PET_CT"): [],
        (34, "ENHANCED_CT"): [("CHEST_CT", 1)],
        (36, "ENHANCED_CT"): [("CHEST_CT", 10)],
        (41, "ENHANCED_CT"): [],
    }


def test_columns_are_those_of_cdm_54(demo: tuple[Path, DemoSummary]) -> None:
    directory, _ = demo
    stated = {
        table.name: " ".join(column.name + ("" if column.nullable else "!") for column in table.columns)
        for table in TABLES
    }
    assert stated == CDM_54
    for table in TABLES:
        for row in _csv(directory, table.name):
            assert list(row) == [column.name for column in table.columns]
            assert all(row[column.name] for column in table.columns if not column.nullable)


def test_load_rebuilds_its_own_schema_only(demo: tuple[Path, DemoSummary], connection: psycopg.Connection[Any]) -> None:
    directory, summary = demo
    csv_folder = directory / "omop_cdm"
    assert omop_cdm.load(connection, csv_folder, "synthetic_cdm") == summary.cdm_rows
    assert omop_cdm.load(connection, csv_folder, "synthetic_cdm") == summary.cdm_rows
    keys = connection.execute(
        "select count(*) from information_schema.table_constraints "
        "where table_schema = 'synthetic_cdm' and constraint_type = 'PRIMARY KEY'"
    ).fetchone()
    bare = connection.execute(
        "select count(*) from information_schema.columns "
        "where table_schema = 'synthetic_cdm' "
        "and col_description((table_schema || '.' || table_name)::regclass, ordinal_position::int) is null"
    ).fetchone()
    assert (keys, bare) == ((9,), (0,))

    connection.execute("create schema hospital_cdm")
    connection.execute("create table hospital_cdm.person (person_id bigint)")
    connection.execute("insert into hospital_cdm.person values (1)")
    with pytest.raises(omop_cdm.ForeignSchemaError):
        omop_cdm.load(connection, csv_folder, "hospital_cdm")
    # A mark on the schema does not make a table in it the demo's.
    connection.execute(sql.SQL("comment on schema hospital_cdm is {}").format(sql.Literal(omop_cdm.MARK)))
    with pytest.raises(omop_cdm.ForeignSchemaError):
        omop_cdm.load(connection, csv_folder, "hospital_cdm")
    assert connection.execute("select person_id from hospital_cdm.person").fetchall() == [(1,)]


def _truth(directory: Path) -> dict[tuple[str, str, int], dict[str, str]]:
    """What is true of a lesion, by the series that marks it, its form and its number there."""
    with (directory / "annotations" / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["annotation_series_instance_uid"], row["form"], int(row["number"])): row
            for row in csv.DictReader(file)
        }


def _annotations(directory: Path, sop_class: str) -> Iterator[Path]:
    for path in _dicom_files(directory):
        dataset = pydicom.dcmread(path, specific_tags=["SOPClassUID", "SeriesDescription"])
        if dataset.SOPClassUID == sop_class and str(dataset.SeriesDescription).startswith("Lesion"):
            yield path


def test_an_ellipsoid_has_the_measures_of_its_closed_form() -> None:
    sphere = Lesion("GGN", "S", "2.25.1", (0.3, -0.2, 0.4), (10, 10, 10))
    measures = sphere.measures(AXIAL)
    assert measures.volume == pytest.approx(4188.790, abs=0.001)
    assert measures.surface_area == pytest.approx(1256.637, abs=0.001)
    turned = Lesion("GGN", "T", "2.25.2", (0.3, -0.2, 0.4), (12, 9, 7), TURNED)
    for plane in (AXIAL, OBLIQUE):
        # The largest diameter within a plane, over all planes, out of the voxels themselves.
        grid = grid_around((turned,), (0.5, 0.5, 0.5), plane)
        voxels = mask(grid, turned)
        points = [np.argwhere(one) * 0.5 for one in voxels if one.any()]
        longest = max(pdist(one[ConvexHull(one).vertices]).max() for one in points if len(one) > 9)
        assert longest == pytest.approx(turned.measures(plane).long_axis, abs=0.6)
        assert voxels.sum() * 0.125 == pytest.approx(turned.measures(plane).volume, rel=0.005)
    assert turned.measures(OBLIQUE).long_axis == pytest.approx(24)  # its longest direction lies in that plane


def test_segmentations_are_read_by_highdicom_and_hold_the_true_volumes(demo: tuple[Path, DemoSummary]) -> None:
    directory, _ = demo
    truth = _truth(directory)
    seen = 0
    for path in _annotations(directory, SegmentationStorage):
        found = highdicom.seg.segread(path)
        volume = found.get_volume(combine_segments=False)
        for number in found.segment_numbers:
            row = truth[found.SeriesInstanceUID, "SEG", number]
            stated = found.get_segment_description(number)
            assert (stated.tracking_id, stated.tracking_uid) == (row["tracking_id"], row["tracking_uid"])
            voxels = np.count_nonzero(volume.array[..., number - 1]) * volume.voxel_volume
            assert voxels == pytest.approx(float(row["volume_mm3"]), rel=0.03)
            algorithm = found.SegmentSequence[number - 1].get("SegmentAlgorithmName")
            assert row["reader"] == str(found.ContentCreatorName or algorithm)
            seen += 1
        assert found.ReferencedSeriesSequence[0].SeriesInstanceUID == row["series_instance_uid"]
    assert seen == 6


def test_contours_hold_the_true_volumes(demo: tuple[Path, DemoSummary]) -> None:
    directory, _ = demo
    truth = _truth(directory)
    seen = 0
    for path in _annotations(directory, RTStructureSetStorage):
        found = pydicom.dcmread(path)
        for number, roi in enumerate(found.ROIContourSequence, start=1):
            outlines = [np.array(one.ContourData, dtype=float).reshape(-1, 3) for one in roi.ContourSequence]
            x, y = (np.stack([outline[:, axis] for outline in outlines]) for axis in (0, 1))
            areas = np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
            step = outlines[1][0, 2] - outlines[0][0, 2]
            row = truth[found.SeriesInstanceUID, "RTSTRUCT", number]
            assert areas.sum() * step == pytest.approx(float(row["volume_mm3"]), rel=0.02)
            seen += 1
    assert seen == 4


def test_reports_are_read_by_highdicom_and_state_the_true_measures(demo: tuple[Path, DemoSummary]) -> None:
    directory, _ = demo
    truth = _truth(directory)
    masks = {pydicom.dcmread(path).SOPInstanceUID for path in _annotations(directory, SegmentationStorage)}
    seen = 0
    for path in _annotations(directory, ComprehensiveSRStorage):
        found = highdicom.sr.srread(path)
        assert isinstance(found.content, highdicom.sr.MeasurementReport)
        for number, group in enumerate(found.content.get_volumetric_roi_measurement_groups(), start=1):
            row = truth[found.SeriesInstanceUID, "SR", number]
            stated = {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}
            volume, unit = stated["Volume"]
            assert volume * {"mm3": 1, "ml": 1000}[unit] == pytest.approx(float(row["volume_mm3"]), abs=0.1)
            assert stated["Long Axis"][0] == pytest.approx(float(row["long_axis_mm"]), abs=0.05)
            assert group.tracking_uid == row["tracking_uid"]
            segment = group.referenced_segment
            assert segment and segment.referenced_sop_instance_uid in masks
            assert segment.referenced_segment_numbers == [number]
            seen += 1
    assert seen == 4


def test_files_of_labelling_tools_are_mapped_and_hold_the_true_volumes(tmp_path: Path) -> None:
    cohort = tuple(one for one in build_cohort(5, SEED) if one.number in (2, 4, 5))
    for path, content in annotation_files.files(cohort).items():
        write(tmp_path / path, content)
    mapping = read_mapping(tmp_path / "mapping.yml")
    with (tmp_path / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"]]
    assert Counter(row["form"] for row in rows) == {"NIFTI": 2, "NRRD": 2, "READERS_CSV": 12, "STATISTICS_TSV": 2}
    grids = {reading.images.series_instance_uid: reading.grid for one in cohort for reading in one.readings}
    for row in rows:
        entry = mapping.entry(row["file"])
        if isinstance(entry, TableEntry):
            assert entry.series_instance_uid in (None, row["series_instance_uid"])
            with (tmp_path / row["file"]).open(encoding="utf-8", newline="") as file:
                header = next(csv.reader(file, delimiter="," if row["form"] == "READERS_CSV" else "\t"))
            assert set(entry.columns) <= set(header)
            continue
        assert isinstance(entry, LabelMapEntry)
        assert entry.series_instance_uid == row["series_instance_uid"]
        image: Any = SimpleITK.ReadImage(str(tmp_path / row["file"]))
        voxels = SimpleITK.GetArrayFromImage(image)
        assert sorted(np.unique(voxels)) == [0, 1]
        assert voxels.sum() * np.prod(image.GetSpacing()) == pytest.approx(float(row["volume_mm3"]), rel=0.03)
        grid = grids[row["series_instance_uid"]]
        assert image.GetOrigin() == pytest.approx(grid.corner, abs=1e-3)
        assert image.GetSize() == grid.shape[::-1]
        if row["form"] == "NRRD":
            assert image.GetMetaData("Segment0_Name") == "Solid nodule"


def test_targeted_images_show_the_lesion_on_the_grid_of_its_masks(demo: tuple[Path, DemoSummary]) -> None:
    readings = build_cohort(2, SEED)[1].readings
    (grid,) = {one.grid for one in readings}
    folder = next((demo[0] / "dicom" / "SYN-0002").glob("*_ENHANCED_CT/205"))
    images = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    assert [tuple(one.ImagePositionPatient) for one in images] == [grid.position(index) for index in range(len(images))]
    assert (len(images), images[0].Rows, images[0].Columns) == grid.shape
    shown = np.stack([one.pixel_array for one in images])
    whole, part = (mask(grid, lesion) for lesion in readings[0].images.lesions)
    assert ((shown == 424) == (whole & ~part)).all()
    assert ((shown == 1054) == part).all()


def test_what_is_wrong_with_the_annotations_of_one_patient(tmp_path: Path) -> None:
    patient = build_cohort(6, SEED)[5]
    write_cohort((patient,), tmp_path / "dicom")
    frames, marked = {}, []
    for path in _dicom_files(tmp_path):
        dataset = pydicom.dcmread(path)
        if dataset.Modality in ("SEG", "RTSTRUCT"):
            marked.append(dataset)
        else:
            frames[dataset.SeriesInstanceUID] = dataset.get("FrameOfReferenceUID")
    unknown, other_frame, empty, points, other_patient = marked
    assert unknown.ReferencedSeriesSequence[0].SeriesInstanceUID not in frames
    series = other_frame.ReferencedSeriesSequence[0].SeriesInstanceUID
    assert other_frame.FrameOfReferenceUID != frames[series] == other_patient.FrameOfReferenceUID
    groups = empty.PerFrameFunctionalGroupsSequence
    assert {one.SegmentIdentificationSequence[0].ReferencedSegmentNumber for one in groups} == {1}
    assert len(empty.SegmentSequence) == 2
    assert [one.ContourGeometricType for one in points.ROIContourSequence[0].ContourSequence] == ["POINT"]
    assert [one.PatientID for one in marked] == ["SYN-0006"] * 4 + ["SYN-0005"]


def test_marked_lesions_cover_the_second_scenario() -> None:
    """Ground-glass nodules with and without a solid part, solid nodules without one, growth, several readers."""
    patients: dict[str, set[int]] = defaultdict(set)
    times = defaultdict(set)
    readers = defaultdict(set)
    studies = set()
    for patient in build_cohort(240, SEED):
        for reading in patient.readings:
            studies.add(reading.study_instance_uid)
            patients[" ".join(sorted({lesion.kind for lesion in reading.lesions}))].add(patient.number)
            for lesion in reading.lesions:
                times[lesion.tracking_uid].add(reading.study_instance_uid)
                readers[lesion.tracking_uid, reading.study_instance_uid].add(reading.reader)
    for kinds in ("GGN", "GGN SOLID_PART", "GGN SOLID_NODULE SOLID_PART", "SOLID_NODULE", "BRAIN_METASTASIS"):
        assert len(patients[kinds]) > 5
    assert sum(len(one) > 1 for one in times.values()) > 10
    assert Counter(len(one) for one in readers.values())[2] > 10
    assert len(studies) <= 150
