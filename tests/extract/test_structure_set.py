"""RT Structure Sets of known shapes, all synthetic but for the one that pydicom brings."""

import math
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_files import dicom, items
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
)

from extract.annotations import contour_stream
from extract.annotations.annotation import Annotation, AnnotationError, AnnotationFile, NotAnAnnotationError
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.structure_set import read
from extract.identifiers import Identifiers

Points = NDArray[np.float64]
AXIAL = np.eye(3)
_A, _B = 0.4, 0.6
OBLIQUE = np.array([[math.cos(_A), -math.sin(_A), 0], [math.sin(_A), math.cos(_A), 0], [0, 0, 1]]) @ np.array(
    [[1, 0, 0], [0, math.cos(_B), -math.sin(_B)], [0, math.sin(_B), math.cos(_B)]]
)
CENTRE = np.array([40.0, -110.0, 730.0])
PLANES = np.arange(-15, 16) + 0.3


class Scanned:
    """The scanned series, given by hand."""

    def __init__(self, series: Iterable[SeriesGeometry] = ()) -> None:
        self.series = {one.series_instance_uid: one for one in series}

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        return self.series.get(series_instance_uid)

    def series_of(self, sop_instance_uid: str) -> str | None:
        return next((uid for uid, one in self.series.items() if sop_instance_uid in one.positions), None)


def series_at(heights: Iterable[float], axes: Points = AXIAL, uid: str = "1.2.7") -> SeriesGeometry:
    positions = {f"{uid}.{n}": tuple(CENTRE + axes @ (-200, -200, height)) for n, height in enumerate(heights)}
    orientation = tuple(np.concatenate([axes[:, 0], axes[:, 1]]).tolist())
    return SeriesGeometry("1.2.6", uid, "1.2.5", orientation, (0.8, 0.8), 512, 512, positions)


def ellipse(radii: tuple[float, float], middle: tuple[float, float] = (0, 0), count: int = 200) -> Points:
    around = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([middle[0] + radii[0] * np.cos(around), middle[1] + radii[1] * np.sin(around)])


def placed(outline: Points, height: float, axes: Points = AXIAL) -> Points:
    return np.asarray(CENTRE + np.column_stack([outline, np.full(len(outline), height)]) @ axes.T)


def ellipsoid(
    radii: tuple[float, float, float], heights: Iterable[float] = PLANES, axes: Points = AXIAL, middle: float = 0
) -> list[Points]:
    """The outlines of an ellipsoid in planes; its middle may lie beside them."""
    shares = {height: 1 - ((height - middle) / radii[2]) ** 2 for height in heights}
    return [
        placed(ellipse((radii[0] * math.sqrt(share), radii[1] * math.sqrt(share))), height, axes)
        for height, share in shares.items()
        if share > 0
    ]


def contour(points: Points, kind: str = "CLOSED_PLANAR", **values: object) -> Dataset:
    numbers = [f"{number:.2f}" for number in np.ravel(points)]
    (item,) = items({"ContourGeometricType": kind, "NumberOfContourPoints": len(points), "ContourData": numbers})
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def structure_set(
    rois: Mapping[str, Sequence[Dataset | Points]],
    syntax: UID = ExplicitVRLittleEndian,
    series: Sequence[str] = ("1.2.7",),
    declared: dict[str, object] | None = None,
    **values: object,
) -> FileDataset:
    """A structure set whose ROIs are numbered from 1 on."""
    dataset = dicom(syntax, SOPClassUID=RTStructureSetStorage, Modality="RTSTRUCT", **values)
    referenced = items(*({"SeriesInstanceUID": uid} for uid in series))
    (study,) = items({"ReferencedSOPInstanceUID": "1.2.6", "RTReferencedSeriesSequence": referenced})
    frame = {"FrameOfReferenceUID": "1.2.5", "RTReferencedStudySequence": [study]}
    dataset.ReferencedFrameOfReferenceSequence = items(frame)
    dataset.StructureSetROISequence = items(
        *(
            {"ROINumber": n, "ReferencedFrameOfReferenceUID": "1.2.5", "ROIName": name, **(declared or {})}
            for n, name in enumerate(rois, 1)
        )
    )
    dataset.ROIContourSequence = items(
        *(
            {
                "ReferencedROINumber": n,
                "ContourSequence": [c if isinstance(c, Dataset) else contour(c) for c in contours],
            }
            for n, contours in enumerate(rois.values(), 1)
        )
    )
    return dataset


def read_file(
    dataset: FileDataset, tmp_path: Path, *series: SeriesGeometry, context: ReadContext | None = None
) -> AnnotationFile:
    path = tmp_path / "structures.dcm"
    dataset.save_as(path, enforce_file_format=False)
    return read(path, context or ReadContext(Identifiers(b"a key of the tests"), Scanned(series)))


def only(contours: Sequence[Dataset | Points], tmp_path: Path, *series: SeriesGeometry) -> Annotation:
    (annotation,) = read_file(structure_set({"lesion": contours}), tmp_path, *series).annotations
    return annotation


def number_of(annotation: Annotation, name: str) -> float:
    (value,) = (value for value in annotation.values if value.name == name)
    assert value.number is not None
    return value.number


def text_of(annotation: Annotation, name: str) -> str | None:
    return next((value.text for value in annotation.values if value.name == name), None)


def method_of(annotation: Annotation, name: str = "Volume") -> str:
    return next(value.method or "" for value in annotation.values if value.name == name)


def surface(a: float, b: float, c: float) -> float:
    """Surface of an ellipsoid (Thomsen's formula, right to 1.1 %)."""
    p = 1.6075
    return float(4 * math.pi * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p))


@pytest.mark.parametrize("axes", [AXIAL, OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize("radii", [(10, 10, 10), (12, 8, 10)], ids=["sphere", "ellipsoid"])
@pytest.mark.parametrize("is_scanned", [True, False])
def test_known_shapes(radii: tuple[float, float, float], axes: Points, is_scanned: bool, tmp_path: Path) -> None:
    scanned = [series_at(PLANES, axes)] if is_scanned else []
    annotation = only(ellipsoid(radii, axes=axes), tmp_path, *scanned)
    assert number_of(annotation, "Volume") == pytest.approx(4 / 3 * math.pi * math.prod(radii), rel=0.02)
    assert number_of(annotation, "SurfaceArea") == pytest.approx(surface(*radii), rel=0.05)
    assert number_of(annotation, "LongAxis") == pytest.approx(2 * radii[0], abs=0.1)
    assert number_of(annotation, "ShortAxis") == pytest.approx(2 * radii[1], abs=0.1)
    assert number_of(annotation, "Area") == pytest.approx(math.pi * radii[0] * radii[1], rel=0.02)
    assert number_of(annotation, "MaximumDiameter3D") == pytest.approx(2 * max(radii), abs=1)
    centroid = np.array((text_of(annotation, "Centroid") or "").split("\\"), float)
    assert np.abs(centroid - CENTRE).max() < 0.05
    box = np.array((text_of(annotation, "BoundingBox") or "").split("\\"), float).reshape(2, 3)
    reach = np.sqrt((np.array(radii) ** 2 * axes**2).sum(axis=1))
    assert np.abs(box - [CENTRE - reach, CENTRE + reach]).max() < 1
    cosines = np.array((annotation.image_orientation_patient or "").split("\\"), float).reshape(2, 3)
    assert abs(np.cross(*cosines) @ axes[:, 2]) == pytest.approx(1, abs=1e-4)
    assert annotation.problem is None


def test_holes_and_seams_are_left_out(tmp_path: Path) -> None:
    outer, inner = ellipse((10, 10)), ellipse((5, 5))
    keyhole = np.concatenate([outer, outer[:1], inner[::-1][-1:], inner[::-1]])
    bow_tie = np.array([(0, 0), (10, 10), (10, 0), (0, 10)], float)
    area = math.pi * (100 - 25)
    for outlines, expected in (
        ([outer, inner], area),
        ([outer, inner[::-1]], area),
        ([outer, inner, ellipse((2, 2))], area + math.pi * 4),
        ([keyhole], area),
        ([bow_tie], 50),
        ([outer, outer], area + math.pi * 25),  # drawn twice
    ):
        contours = [placed(outline, height) for outline in outlines for height in (0, 1, 2)]
        annotation = only(contours, tmp_path)
        assert number_of(annotation, "Area") == pytest.approx(expected, rel=0.002)
        assert number_of(annotation, "Volume") == pytest.approx(3 * expected, rel=0.002)
    xor = [contour(placed(outline, 0), "CLOSEDPLANAR_XOR") for outline in (outer, inner, inner)]
    assert number_of(only(xor, tmp_path), "Area") == pytest.approx(math.pi * 100, rel=0.002)


def test_planes_that_were_left_out_are_interpolated(tmp_path: Path) -> None:
    drawn = [height for number, height in enumerate(PLANES) if number not in (12, 17, 18)]
    volume = 4 / 3 * math.pi * 1000
    for scanned in ([series_at(PLANES)], []):
        annotation = only(ellipsoid((10, 10, 10), drawn), tmp_path, *scanned)
        assert number_of(annotation, "Volume") == pytest.approx(volume, rel=0.02)
        assert "3 planes without an outline interpolated" in method_of(annotation)
    every_third = only(ellipsoid((10, 10, 10), PLANES[::3]), tmp_path, series_at(PLANES))
    assert number_of(every_third, "Volume") == pytest.approx(volume, rel=0.02)
    assert number_of(every_third, "SurfaceArea") == pytest.approx(400 * math.pi, rel=0.05)


def test_pieces_of_one_roi_stand_apart(tmp_path: Path) -> None:
    heights = np.arange(-15, 40) + 0.3
    above = ellipsoid((5, 5, 5), heights, middle=25)
    beside = [points + np.array([30, 0, 0]) for points in ellipsoid((5, 5, 5), heights, middle=18)]
    for other in (above, beside):
        for scanned in ([series_at(heights)], []):
            annotation = only([*ellipsoid((10, 10, 10)), *other], tmp_path, *scanned)
            assert number_of(annotation, "Volume") == pytest.approx(4 / 3 * math.pi * (1000 + 125), rel=0.02)
            assert "2 pieces apart" in method_of(annotation)


def test_the_distance_of_planes_comes_from_positions(tmp_path: Path) -> None:
    outline = ellipse((10, 10))
    area = math.pi * 100
    uneven = [0.0, 1, 2, 5, 8, 11]
    annotation = only([placed(outline, height) for height in uneven], tmp_path, series_at([-1, *uneven, 14]))
    assert number_of(annotation, "Volume") == pytest.approx(14 * area - 2 * area * 0.5, rel=0.005)  # 0.5 down, 1.5 up
    one = [placed(outline, 5)]
    assert number_of(only(one, tmp_path, series_at(uneven)), "Volume") == pytest.approx(3 * area, rel=0.002)
    single = read_file(structure_set({"lesion": one}), tmp_path)
    (annotation,) = single.annotations
    assert single.needs_series and annotation.problem and "one plane" in annotation.problem
    assert {v.name for v in annotation.values if v.origin == "measured"} == {"Area", "LongAxis", "ShortAxis"}


def test_every_encoding_says_the_same(tmp_path: Path) -> None:
    rois = {"뇌전이": ellipsoid((6, 6, 6)), "second": ellipsoid((3, 3, 3))}
    expected = None
    syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
    for syntax in syntaxes:
        for is_delimited in (False, True):
            dataset = structure_set(rois, syntax, SpecificCharacterSet="ISO_IR 192", Manufacturer="Maker")
            for element in dataset.iterall():
                if element.VR == "SQ":
                    element.is_undefined_length = is_delimited
                    for item in element.value:
                        item.is_undefined_length_sequence_item = is_delimited
            found = read_file(dataset, tmp_path)
            assert [annotation.label for annotation in found.annotations] == ["뇌전이", "second"]
            expected = expected or found
            assert found == expected


@pytest.mark.filterwarnings("ignore:The value for the data element")  # pydicom says what it does
def test_contours_beyond_64_kilobytes(tmp_path: Path) -> None:
    large = [placed(ellipse((10, 10), count=4000), height) for height in (0, 1)]
    assert number_of(only(large, tmp_path), "Area") == pytest.approx(math.pi * 100, rel=0.001)
    assert b"\x06\x30\x50\x00UN" in (tmp_path / "structures.dcm").read_bytes()  # as PS3.5 6.2.2 has it written


def test_a_roi_that_cannot_be_measured_leaves_the_others_alone(tmp_path: Path) -> None:
    good = ellipsoid((10, 10, 10))
    tilted = [*good[:5], placed(ellipse((10, 10)), 0, np.roll(AXIAL, 1, axis=0))]
    bent = good[4].copy()
    bent[:100, 2] += 4
    broken = contour(good[0])
    broken.ContourData = [*broken.ContourData, "1.0"]
    cut = contour(good[0])
    cut.NumberOfContourPoints = 250
    nan, comma = good[0].copy(), good[0].copy()
    nan[7, 1], comma[7, 1] = 7777.77, 8888.88
    line = np.array([(0, 0, 0), (30, 40, 0)], float)
    rois: dict[str, Sequence[Dataset | Points]] = {
        "a contour holds numbers": good,
        "the contours' planes are not parallel": tilted,
        "a contour is not planar": [*good[:3], bent],
        "a contour does not hold three numbers for each point": [broken],
        "a contour holds another number of points than it states": [cut],
        "a contour holds something else than numbers": [contour(nan)],
        "a contour holds something else than numbers ": [contour(comma)],
        "no contour": [],
        "the contours enclose nothing": [line],
        "open contours": [contour(line, "OPEN_PLANAR")],
        "points only": [contour(line[1:], "POINT")],
        "contours of an unknown type": [contour(line, "")],
    }
    path = tmp_path / "structures.dcm"
    structure_set(rois).save_as(path, enforce_file_format=False)
    path.write_bytes(path.read_bytes().replace(b"7777.77", b"nan    ").replace(b"8888.88", b"8888,88"))
    found = read(path, ReadContext(Identifiers(b"a key of the tests"), Scanned())).annotations
    assert [a.problem for a in found] == [None, *(name.strip() for name in list(rois)[1:])]
    assert number_of(found[9], "Length") == 50
    assert text_of(found[10], "Centroid") == "30\\40\\0"


def test_numbers_of_rois_that_do_not_match(tmp_path: Path) -> None:
    dataset = structure_set({name: ellipsoid((5, 5, 5)) for name in ("one", "two", "two again", "undeclared")})
    dataset.StructureSetROISequence[2].ROINumber = 2
    del dataset.StructureSetROISequence[3]
    found = read_file(dataset, tmp_path).annotations
    assert [(a.number, a.label, a.problem is None) for a in found] == [
        (1, "one", True),
        (2, "two", False),
        (2, "two again", False),
        (3, None, True),
        (4, None, True),
    ]


def test_what_a_file_states(tmp_path: Path) -> None:
    dataset = structure_set(
        {"GTV Riesling 1": ellipsoid((5, 5, 5))},
        declared={"ROIVolume": "0.52", "ROIGenerationAlgorithm": "SEMIAUTOMATIC"},
        StructureSetLabel="Plan of Riesling",
        StructureSetDate="20240229",
        StructureSetTime="101112",
        Manufacturer="Maker",
        ManufacturerModelName="Planner",
    )
    site = {"CodeValue": "39607008", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Lung"}
    left = {"CodeValue": "7771000", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Left"}
    (region,) = items({**site, "AnatomicRegionModifierSequence": items(left)})
    dataset.StructureSetROISequence[0].AnatomicRegionSequence = [region]
    finding = {"CodeValue": "M-03000", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Mass"}
    observation = {"ReferencedROINumber": 1, "RTROIInterpretedType": "GTV", "ROIInterpreter": "Riesling^Anna"}
    observation |= {"RTROIIdentificationCodeSequence": items(finding), "TrackingID": "T1", "TrackingUID": "1.2.9"}
    dataset.RTROIObservationsSequence = items(observation)
    context = ReadContext(Identifiers(b"a key of the tests"), Scanned())
    (annotation,) = read_file(dataset, tmp_path, context=context).annotations
    assert (annotation.label, text_of(annotation, "AnnotationText")) == ("GTV *** 1", "GTV *** 1")
    assert text_of(annotation, "StructureSetLabel") == "Plan of ***"
    (volume,) = (value for value in annotation.values if value.name == "ROIVolume")
    assert (volume.text, volume.number, volume.unit, volume.origin) == ("0.52", 0.52, "cm3", "stated")
    assert (annotation.category_code, annotation.finding_code) == ("GTV", "4147007^SCT^Mass")
    assert (annotation.site_code, annotation.laterality_code) == ("39607008^SCT^Lung", "7771000^SCT^Left")
    assert (annotation.tracking_id, annotation.tracking_uid) == ("T1", "1.2.9")
    assert (annotation.generation, annotation.annotation_system) == ("SEMIAUTOMATIC", "Maker Planner")
    assert annotation.annotated_at and annotation.annotated_at.isoformat() == "2024-02-29T10:11:12"
    assert annotation.annotator_key == context.annotator_key("RIESLING ANNA")
    assert (annotation.study_instance_uid, annotation.series_instance_uid) == ("1.2.6", "1.2.7")
    assert annotation.frame_of_reference_uid == "1.2.5"


def test_of_several_series_the_images_of_the_contours_decide(tmp_path: Path) -> None:
    first, second = series_at(PLANES, uid="1.2.7"), series_at(PLANES, uid="1.2.8")
    contours = [
        contour(points, ContourImageSequence=items({"ReferencedSOPInstanceUID": f"1.2.8.{number}"}))
        for number, points in enumerate(ellipsoid((5, 5, 5)))
    ]
    dataset = structure_set({"lesion": contours, "without images": ellipsoid((5, 5, 5))}, series=("1.2.7", "1.2.8"))
    found = read_file(dataset, tmp_path, first, second)
    assert [a.series_instance_uid for a in found.annotations] == ["1.2.8", None]
    assert found.annotations[0].images == {f"1.2.8.{number}" for number in range(len(contours))}
    assert not found.needs_series
    assert read_file(dataset, tmp_path, first).needs_series


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = structure_set({"lesion": ellipsoid((5, 5, 5))})
    whole = BytesIO()
    dataset.save_as(whole, enforce_file_format=False)
    context = ReadContext(Identifiers(b"a key of the tests"), Scanned())
    path = tmp_path / "cut.dcm"
    contours = whole.getvalue().index(b"\x06\x30\x39\x00")
    for end in range(contours + 1, len(whole.getvalue()) - 1, 97):
        path.write_bytes(whole.getvalue()[:end])
        with pytest.raises(AnnotationError, match="cannot be parsed"):
            read(path, context)
    dataset.StructureSetROISequence = dataset.ROIContourSequence = []
    with pytest.raises(AnnotationError, match="no ROI"):
        read_file(dataset, tmp_path)
    with pytest.raises(NotAnAnnotationError):
        read_file(dicom(), tmp_path)
    monkeypatch.setattr(contour_stream, "CONTOUR_BYTES", 64 << 10)
    huge = [placed(ellipse((9, 9), count=2000), height) for height in (0, 1)]
    assert only(huge, tmp_path).problem is None
    monkeypatch.setattr(contour_stream, "CONTOUR_BYTES", 32 << 10)
    assert only(huge, tmp_path).problem == "a contour of more than 0 MB"
    monkeypatch.setattr(contour_stream, "INFLATED_BYTES", 10_000)
    with pytest.raises(AnnotationError, match="exceeds a limit"):
        read_file(structure_set({"lesion": ellipsoid((5, 5, 5))}, DeflatedExplicitVRLittleEndian), tmp_path)


def test_the_structure_set_that_pydicom_brings() -> None:
    path = Path(pydicom.__file__).parent / "data/test_files/rtstruct.dcm"  # implicit VR, without meta information
    found = read(path, ReadContext(Identifiers(b"a key of the tests"), Scanned())).annotations
    assert [(a.label, a.category_code, a.problem) for a in found] == [
        ("patient", "EXTERNAL", None),
        ("Isocenter 1", "ISOCENTER", "points only"),
        ("Isocenter 2", "ISOCENTER", "points only"),
    ]
    assert number_of(found[0], "Volume") == 400 * 300 * 30
    assert number_of(found[0], "LongAxis") == 500
