"""Structured reports: by highdicom as the template says, by hand as others write them, and those pydicom brings."""

import warnings
from pathlib import Path
from typing import cast

import numpy as np
import pydicom
import pytest
from made_files import dicom, items
from pydicom import Dataset, FileDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage, XRayRadiationDoseSRStorage

from extract.annotations.annotation import Annotation, AnnotationError, AnnotationFile, NotAnAnnotationError, Value
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.structured_report import read
from extract.identifiers import Identifiers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from highdicom import sr

DCM, SCT, SRT, UCUM = "DCM", "SCT", "SRT", "UCUM"
GROUP = ("125007", DCM, "Measurement Group")
MEASUREMENTS = ("126010", DCM, "Imaging Measurements")
REPORT = ("126000", DCM, "Imaging Measurement Report")


class Scanned:
    """One scanned image."""

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        return SeriesGeometry("1.2.6", "1.2.7", "1.2.5", None, None, None, None, {})

    def series_of(self, sop_instance_uid: str) -> str | None:
        return "1.2.7" if sop_instance_uid == "1.2.7.1" else None


def context() -> ReadContext:
    return ReadContext(Identifiers(b"a key of the tests"), Scanned())


def read_file(dataset: Dataset, tmp_path: Path) -> AnnotationFile:
    path = tmp_path / "report.dcm"
    dataset.save_as(path, enforce_file_format=False)
    return read(path, context())


# By hand.


def coded(value: str, scheme: str, meaning: str) -> list[Dataset]:
    return items({"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})


def item(kind: str, name: tuple[str, str, str] | None, *content: Dataset, **values: object) -> Dataset:
    named = {"ConceptNameCodeSequence": coded(*name)} if name else {}
    relation = {"RelationshipType": "HAS CONCEPT MOD" if kind == "CODE" else "CONTAINS"}
    (made,) = items({**relation, "ValueType": kind, **named, **values})
    if content:
        made.ContentSequence = list(content)
    return made


def code_item(name: tuple[str, str, str], value: tuple[str, str, str], *content: Dataset) -> Dataset:
    return item("CODE", name, *content, ConceptCodeSequence=coded(*value))


def number_item(name: tuple[str, str, str], number: str, unit: tuple[str, str, str], *content: Dataset) -> Dataset:
    measured = items({"NumericValue": number, "MeasurementUnitsCodeSequence": coded(*unit)})
    return item("NUM", name, *content, MeasuredValueSequence=measured)


def image_item(uid: str, name: tuple[str, str, str] | None = None, **values: object) -> Dataset:
    reference = {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": uid, **values}
    return item("IMAGE", name, ReferencedSOPSequence=items(reference))


def report(*content: Dataset, title: tuple[str, str, str] = REPORT, **values: object) -> FileDataset:
    dataset = dicom(SOPClassUID=ComprehensiveSRStorage, Modality="SR", ContentDate="20240229")
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.ValueType = "CONTAINER"
    dataset.ConceptNameCodeSequence = coded(*title)
    dataset.ContentSequence = list(content)
    return dataset


LONG_AXIS, MILLIMETRE = ("G-A185", SRT, "Long Axis"), ("mm", UCUM, "millimeter")
LENGTH_ITEM = number_item(LONG_AXIS, "12.3", MILLIMETRE, item("SCOORD", None, image_item("1.2.7.1")))


def value_of(annotation: Annotation, name: str) -> Value:
    return next(value for value in annotation.values if value.name == name)


def by_highdicom(observer: sr.ObserverContext, **algorithm: str) -> FileDataset:
    """A report of a planar and a volumetric group."""
    image = dicom(SOPInstanceUID="1.2.3.9", Modality="CT", Rows=8, Columns=8)
    segments = dicom(SOPClassUID=SegmentationStorage, SOPInstanceUID="1.2.4", SeriesInstanceUID="1.2.8")
    for dataset in (image, segments):
        for keyword in ("StudyID", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate"):
            setattr(dataset, keyword, "")
        dataset.PatientID, dataset.PatientName, dataset.PatientSex = "P-1", "Riesling^Anna", "F"
        dataset.StudyDate, dataset.FrameOfReferenceUID = "20240228", "1.2.5"
    named = sr.AlgorithmIdentification(**algorithm, family=codes.DCM.ArtificialIntelligence) if algorithm else None
    mean = sr.Measurement(
        Code("112031", DCM, "Attenuation Coefficient"), -612.5, codes.UCUM.HounsfieldUnit, derivation=codes.SCT.Mean
    )
    volume = sr.Measurement(codes.SCT.Volume, 523.6, codes.UCUM.CubicMillimeter, algorithm_id=named)
    too_small = sr.Measurement(codes.SCT.Diameter, 0, codes.UCUM.Millimeter, qualifier=codes.DCM.MeasurementFailure)
    region = sr.ImageRegion(
        sr.GraphicTypeValues.CIRCLE,
        np.array([[4.0, 4.0], [6.0, 4.0]]),
        sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID),
    )
    planar = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(identifier="nodule of Riesling", uid="1.2.10"),
        referenced_region=region,
        finding_type=codes.SCT.Nodule,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_sites=[sr.FindingSite(codes.SCT.Lung, codes.SCT.Left, codes.SCT.Apical)],
        measurements=[mean, volume, too_small],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(Code("112140", DCM, "Calcification"), Code("2667000", SCT, "Absent"))
        ],
    )
    segment = sr.ReferencedSegment(
        SegmentationStorage, "1.2.4", 3, source_series=sr.SourceSeriesForSegmentation("1.2.3.3")
    )
    volumetric = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(identifier="2", uid="1.2.11"), referenced_segment=segment, measurements=[volume]
    )
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_person_context=observer),
        codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[planar, volumetric],
    )
    made = sr.Comprehensive3DSR(
        [image, segments], content, series_number=2, series_instance_uid="1.2.12", sop_instance_uid="1.2.13",
        instance_number=1, manufacturer="Maker",
    )  # fmt: skip
    return cast(FileDataset, made)


def person(name: str) -> sr.ObserverContext:
    return sr.ObserverContext(codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(name))


def device(model: str) -> sr.ObserverContext:
    attributes = sr.DeviceObserverIdentifyingAttributes("1.2.14", manufacturer_name="Maker", model_name=model)
    return sr.ObserverContext(codes.DCM.Device, attributes)


def test_the_groups_of_a_measurement_report(tmp_path: Path) -> None:
    planar, volumetric = read_file(by_highdicom(person("Reader^Rita")), tmp_path).annotations
    assert (planar.number, volumetric.number) == (1, 2)
    assert planar.finding_code == "27925004^SCT^Nodule"
    assert planar.category_code == "49755003^SCT^Morphologically Abnormal Structure"
    assert (planar.site_code, planar.laterality_code) == ("39607008^SCT^Lung", "7771000^SCT^Left")
    assert (planar.tracking_id, planar.tracking_uid) == ("nodule of ***", "1.2.10")
    assert (planar.study_instance_uid, planar.series_instance_uid) == ("1.2.3.2", "1.2.3.3")
    assert planar.images == {"1.2.3.9"}
    assert (planar.generation, planar.annotation_system) == ("MANUAL", "Maker")
    assert planar.annotator_key == context().annotator_key("READER RITA")
    assert planar.label is None and value_of(planar, "AnnotationText").text == "Nodule"
    mean = value_of(planar, "Attenuation Coefficient, Mean")
    assert (mean.number, mean.unit, mean.origin) == (-612.5, "[hnsf'U]", "stated")
    assert mean.name_code == "112031^DCM^Attenuation Coefficient"
    assert mean.method == "Derivation: 373098007^SCT^Mean"
    volume = value_of(planar, "Volume")
    assert (volume.text, volume.number, volume.unit) == ("523.6", 523.6, "mm3")
    assert volume.name_code == "118565006^SCT^Volume"
    assert "Measurement failure" in (value_of(planar, "Diameter").method or "")
    assert value_of(planar, "Calcification").value_code == "2667000^SCT^Absent"
    assert value_of(planar, "Topographical modifier").text == "Apical"
    assert (volumetric.study_instance_uid, volumetric.series_instance_uid) == ("1.2.3.2", "1.2.3.3")
    assert value_of(volumetric, "ReferencedSegment").text == "1.2.4\\3"
    assert volumetric.images == frozenset()


def test_who_made_a_group(tmp_path: Path) -> None:
    algorithm = {"name": "Finder", "version": "2.1"}
    made = {
        "a person": read_file(by_highdicom(person("Reader^Rita")), tmp_path),
        "a device": read_file(by_highdicom(device("Finder")), tmp_path),
        "a person with an algorithm": read_file(by_highdicom(person("Reader^Rita"), **algorithm), tmp_path),
        "an algorithm of a device": read_file(by_highdicom(device("Finder"), **algorithm), tmp_path),
    }
    assert {how: next((a.generation, a.algorithm_name) for a in file.annotations) for how, file in made.items()} == {
        "a person": ("MANUAL", None),
        "a device": ("AUTOMATIC", None),
        "a person with an algorithm": (None, "Finder 2.1"),
        "an algorithm of a device": ("AUTOMATIC", "Finder 2.1"),
    }


def test_groups_as_viewers_write_them(tmp_path: Path) -> None:
    finding = code_item(("121071", DCM, "Finding"), ("T-1", "99VIEWER", "left hilum of Riesling"))
    site = code_item(("G-C0E3", SRT, "Finding Site"), ("T-28000", SRT, "Lung"))
    side = code_item(("G-C171", SRT, "Laterality"), ("G-A101", SRT, "Left"))
    site.ContentSequence = [side]
    reader = item("PNAME", ("121008", DCM, "Person Observer Name"), PersonName="Riesling^Anna")
    group = item("CONTAINER", GROUP, finding, site, LENGTH_ITEM)
    (annotation,) = read_file(report(reader, group), tmp_path).annotations  # no Imaging Measurements around it
    assert annotation.finding_code == "T-1^99VIEWER^left hilum of ***"
    assert (annotation.site_code, annotation.laterality_code) == ("39607008^SCT^Lung", "7771000^SCT^Left")
    length = value_of(annotation, "Long Axis")
    assert (length.number, length.unit, length.name_code) == (12.3, "mm", "103339001^SCT^Long Axis")
    assert (annotation.study_instance_uid, annotation.series_instance_uid) == ("1.2.6", "1.2.7")
    assert annotation.annotated_at and annotation.annotated_at.isoformat() == "2024-02-29T00:00:00"


def test_groups_that_are_slightly_off(tmp_path: Path) -> None:
    tracking = item("TEXT", ("112039", DCM, "Tracking Identifier"), TextValue="lesion 7")
    centimetres = number_item(("1", "99X", "Width"), "3", ("cm", "99X", "centimetre"))
    empty = item("NUM", LONG_AXIS, MeasuredValueSequence=[])
    unnamed = item("CONTAINER", ("1", "99X", "Target lesion"), tracking, centimetres, empty)
    time = item("CONTAINER", GROUP, LENGTH_ITEM, ObservationDateTime="20240301083000.5+0100")
    time.ContentTemplateSequence = items({"MappingResource": "DCMR", "TemplateIdentifier": "1501"})
    pictures = item("CONTAINER", GROUP, image_item("1.2.7.1"))
    by_reference = item("CONTAINER", GROUP, number_item(LONG_AXIS, "4", MILLIMETRE, Dataset()))
    by_reference.ContentSequence[0].ContentSequence[0].RelationshipType = "INFERRED FROM"
    by_reference.ContentSequence[0].ContentSequence[0].ReferencedContentItemIdentifier = [1, 1, 2, 1]
    inner = item("CONTAINER", ("1", "99X", "Sizes"), LENGTH_ITEM)
    nested = item("CONTAINER", GROUP, inner, item("CONTAINER", GROUP, LENGTH_ITEM))
    container = item("CONTAINER", MEASUREMENTS, unnamed, time, pictures, by_reference, nested)
    found = read_file(report(container), tmp_path).annotations
    first, timed, pictured, referred, outer, innermost = found
    assert (first.label, value_of(first, "AnnotationText").text) == ("lesion 7", "lesion 7")
    assert [(v.text, v.number, v.unit) for v in first.values[1:]] == [("3", 3, "cm^99X^centimetre")]
    assert timed.annotated_at and timed.annotated_at.isoformat() == "2024-03-01T08:30:00.500000"
    assert pictured.images == referred.images == {"1.2.7.1"}
    assert not pictured.values and value_of(referred, "Long Axis").number == 4
    assert [v.number for v in outer.values] == [v.number for v in innermost.values] == [12.3]


def test_what_is_said_of_the_whole_report(tmp_path: Path) -> None:
    total = item("CONTAINER", ("126011", DCM, "Derived Imaging Measurements"), LENGTH_ITEM)
    quality = item(
        "CONTAINER",
        ("C0034375", "UMLS", "Qualitative Evaluations"),
        code_item(("112022", DCM, "RECIST"), ("399204005", SCT, "Partial response")),
    )
    derived, said = read_file(report(total, quality), tmp_path).annotations
    assert derived.problem == said.problem == "said of the whole report, not of one lesion"
    assert value_of(derived, "Long Axis").number == 12.3
    assert value_of(said, "RECIST").value_code == "399204005^SCT^Partial response"


@pytest.mark.parametrize(
    ("dataset", "error", "reason"),
    [
        (report(LENGTH_ITEM, SOPClassUID=XRayRadiationDoseSRStorage), NotAnAnnotationError, "dose report"),
        (report(title=("113701", DCM, "X-Ray Radiation Dose Report")), NotAnAnnotationError, "dose report"),
        (report(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.59"), NotAnAnnotationError, "key images"),
        (report(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.65"), AnnotationError, "CAD SR of TID 4100 is not read"),
        (
            report(ContentTemplateSequence=items({"TemplateIdentifier": "5200"})),
            AnnotationError,
            "an SR of TID 5200 is not read",
        ),
        (report(), AnnotationError, "no measurement group in the measurement report"),
        (report(LENGTH_ITEM, title=("1", "99X", "Sizes")), NotAnAnnotationError, "without measurement groups"),
        (report(title=("18748-4", "LN", "Report")), NotAnAnnotationError, "in words"),
        (dicom(), NotAnAnnotationError, "not a structured report"),
    ],
)
def test_reports_that_are_refused(dataset: FileDataset, error: type[Exception], reason: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=reason):
        read_file(dataset, tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test-SR.dcm", "without measurement groups"),
        ("reportsi.dcm", "in words"),
        ("reportsi_with_empty_number_tags.dcm", "in words"),
    ],
)
def test_the_reports_that_pydicom_brings(name: str, reason: str) -> None:
    with pytest.raises(NotAnAnnotationError, match=reason):
        read(Path(pydicom.__file__).parent / "data/test_files" / name, context())
