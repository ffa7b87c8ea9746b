"""DICOM segmentations: written by highdicom, and by hand for one trap each."""

import zlib
from math import pi
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from made_files import dicom, items
from made_masks import (
    FRAME_OF_REFERENCE,
    SERIES,
    STUDY,
    Grid,
    Mask,
    code,
    context,
    ellipsoid,
    frame,
    image_uid,
    numbers,
    saved,
    segment,
    segmentation,
    sphere,
    texts,
)
from pydicom import Dataset, FileDataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from scipy.spatial.transform import Rotation

from extract.annotations.annotation import Annotation, AnnotationError
from extract.annotations.segmentation import read

GRID = Grid([1.0 * number for number in range(27)], 41, 43)
BALL = GRID.mask(sphere(10))
OBLIQUE = tuple(Rotation.from_euler("xyz", (20, 35, 50), degrees=True).as_matrix()[:2].ravel())
ONE_MILLIMETRE = {"SpacingBetweenSlices": 1.0}
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
VOLUME = 4 / 3 * pi * 1000


def frames_of(grid: Grid, mask: Mask, number: int | None = 1, **groups: object) -> list[tuple[dict[str, object], Mask]]:
    """Frames of the planes that hold voxels."""
    return [(frame(grid, plane, number, **groups), cut) for plane, cut in enumerate(mask) if cut.any()]


def only(path: Path, *series: Any, **settings: Any) -> Annotation:
    (annotation,) = read(path, context(*series, **settings)).annotations
    return annotation


def images(grid: Grid) -> list[FileDataset]:
    """The series of a grid, as complete as highdicom asks for."""
    patient = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "ReferringPhysicianName")
    study = ("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "SeriesNumber", "PositionReferenceIndicator")
    empty: dict[str, Any] = dict.fromkeys((*patient, *study, "Manufacturer"), "")
    return [
        dicom(
            SOPInstanceUID=image_uid(plane),
            InstanceNumber=plane + 1,
            ImagePositionPatient=grid.position(plane),
            ImageOrientationPatient=list(grid.orientation),
            PixelSpacing=list(grid.spacing),
            SliceThickness=5,  # thicker than the planes are apart, as often
            FrameOfReferenceUID=FRAME_OF_REFERENCE,
            Modality="CT",
            Rows=grid.rows,
            Columns=grid.columns,
            **empty,
        )
        for plane in range(len(grid.heights))
    ]


def by_highdicom(grid: Grid, mask: np.ndarray, kind: str, **settings: Any) -> Dataset:
    finding, category = codes.SCT.Nodule, codes.SCT.MorphologicallyAbnormalStructure
    name = highdicom.AlgorithmIdentificationSequence("finder", codes.DCM.ArtificialIntelligence, "1.0")
    automatic: dict[str, Any] = {"algorithm_type": "AUTOMATIC", "algorithm_identification": name}
    traced: dict[str, Any] = {
        "tracking_id": "lesion 2",
        "tracking_uid": "1.2.3.77",
        "anatomic_regions": [codes.SCT.Lung],
    }
    written = highdicom.seg.Segmentation(
        images(grid),
        mask,
        kind,
        [
            highdicom.seg.SegmentDescription(1, "Ball", category, finding, "MANUAL"),
            highdicom.seg.SegmentDescription(2, "Egg of Nakamura", category, finding, **automatic, **traced),
        ],
        series_instance_uid="1.2.3.8",
        series_number=1,
        sop_instance_uid="1.2.3.8.1",
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="ACME Contour",
        software_versions="1",
        device_serial_number="1",
        content_creator_name="Nakamura^Yui",
        **settings,
    )
    assert isinstance(written, Dataset)
    return written


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "FRACTIONAL"])
@pytest.mark.parametrize("omit_empty_frames", [True, False])
def test_segments_of_highdicom_are_read_with_their_labels_and_measures(
    kind: str, omit_empty_frames: bool, tmp_path: Path
) -> None:
    grid = Grid([2.5 * number for number in range(16)], 61, 62, (0.7, 0.8), OBLIQUE)
    labels = grid.mask(sphere(8), grid.center() + 11 * grid.axes[2]).astype(np.uint8)
    labels[grid.mask(ellipsoid(9, 6, 7), grid.center() - 11 * grid.axes[2])] = 2
    source: np.ndarray = labels if kind != "FRACTIONAL" else np.stack([labels == 1, labels == 2], -1).astype(float)
    path = saved(by_highdicom(grid, source, kind, omit_empty_frames=omit_empty_frames), tmp_path)
    found = read(path, context())
    assert not found.needs_series
    ball, egg = found.annotations
    assert (ball.number, ball.label, ball.generation) == (1, "Ball", "MANUAL")
    assert (egg.number, egg.generation, egg.algorithm_name) == (2, "AUTOMATIC", "finder")
    assert egg.label == "Egg of ***"  # the creator's name
    assert (egg.tracking_id, egg.tracking_uid) == ("lesion 2", "1.2.3.77")
    assert egg.finding_code == "27925004^SCT^Nodule"
    assert egg.site_code == "39607008^SCT^Lung"
    assert egg.annotation_system == "ACME Contour"
    assert egg.annotator_key == context().annotator_key("NAKAMURA YUI")
    assert (egg.study_instance_uid, egg.series_instance_uid) == (STUDY, SERIES)
    assert egg.frame_of_reference_uid == FRAME_OF_REFERENCE
    statistics = sitk.LabelShapeStatisticsImageFilter()
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((0.8, 0.7, 2.5))
    image.SetDirection(np.array(grid.axes[::-1]).T.ravel().tolist())
    image.SetOrigin(grid.origin)
    statistics.Execute(image)
    for annotation in (ball, egg):
        number = annotation.number
        assert annotation.images == {
            image_uid(plane) for plane in np.flatnonzero((labels == number).any(axis=(1, 2))).tolist()
        }
        assert numbers(annotation)["Volume"] == pytest.approx(statistics.GetPhysicalSize(number), rel=1e-4)
        centroid = [float(x) for x in texts(annotation)["Centroid"].split("\\")]
        assert centroid == pytest.approx(statistics.GetCentroid(number), abs=0.01)
    assert numbers(ball)["Volume"] == pytest.approx(4 / 3 * pi * 512, rel=0.02)
    assert numbers(ball)["SurfaceArea"] == pytest.approx(4 * pi * 64, rel=0.05)


def test_a_fraction_counts_from_the_threshold_on_which_is_stated(tmp_path: Path) -> None:
    fractions = np.where(BALL, 80, 0).astype(np.uint8)
    fractions[:, :, :22] = np.where(BALL[:, :, :22], 30, 0)
    path = saved(
        segmentation(
            GRID,
            [(frame(GRID, plane), cut) for plane, cut in enumerate(fractions)],
            measures=ONE_MILLIMETRE,
            SegmentationType="FRACTIONAL",
            SegmentationFractionalType="OCCUPANCY",
            MaximumFractionalValue=100,
            BitsAllocated=8,
        ),
        tmp_path,
    )
    half, all_of_it = only(path), only(path, fractional_threshold=0.3)
    assert numbers(half)["Volume"] == BALL[:, :, 22:].sum()
    assert numbers(all_of_it)["Volume"] == BALL.sum()
    method = next(value.method for value in half.values if value.name == "Volume")
    assert method == "occupancy of 0.5 or more; planes by SpacingBetweenSlices; voxels"
    assert only(path, fractional_threshold=0.9).problem == "no voxel of 0.9 or more"


def test_planes_that_are_left_out_are_empty(tmp_path: Path) -> None:
    mask = GRID.mask(sphere(3), GRID.center(0, 0, -7)) | GRID.mask(sphere(3), GRID.center(0, 0, 7))
    stated = only(saved(segmentation(GRID, frames_of(GRID, mask), measures=ONE_MILLIMETRE), tmp_path))
    deduced = only(saved(segmentation(GRID, frames_of(GRID, mask)), tmp_path), GRID.geometry())
    for annotation in (stated, deduced):
        assert numbers(annotation)["Volume"] == mask.sum()
        assert numbers(annotation)["SurfaceArea"] == pytest.approx(2 * 4 * pi * 9, rel=0.1)
        assert texts(annotation)["BoundingBox"].split("\\")[2::3] == [str(x) for x in (42.5, 63.5)]


def test_the_distance_of_planes_comes_from_the_series_where_the_file_does_not_say_it(tmp_path: Path) -> None:
    heights = [*range(14), *np.arange(14, 40, 2.5).tolist()]
    uneven = Grid(heights, 41, 43)
    at = np.array(uneven.origin) + np.array([20, 20, 13.3])
    mask = uneven.mask(sphere(10), at)
    path = saved(segmentation(uneven, frames_of(uneven, mask), measures={"SliceThickness": 7.0}), tmp_path)
    known = read(path, context(uneven.geometry()))
    assert not known.needs_series
    assert numbers(known.annotations[0])["Volume"] == pytest.approx(VOLUME, rel=0.02)
    unknown = read(path, context())
    assert unknown.needs_series
    assert unknown.annotations[0].problem == "the distance of its planes is not known"
    assert set(numbers(unknown.annotations[0])) == {"Area", "LongAxis", "ShortAxis"}
    # One plane alone: its extent is the series' distance, and never SliceThickness while the series may tell.
    single = segmentation(GRID, [(frame(GRID, 13), BALL[13])], measures={"SliceThickness": 7.0})
    assert numbers(only(saved(single, tmp_path), GRID.geometry()))["Volume"] == BALL[13].sum()
    assert "Volume" not in numbers(only(saved(single, tmp_path)))
    del single.ReferencedSeriesSequence, single.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    alone = only(saved(single, tmp_path))
    assert numbers(alone)["Volume"] == BALL[13].sum() * 7
    assert "SliceThickness" in str(next(value.method for value in alone.values if value.name == "Volume"))


def test_a_wrong_distance_does_not_stand_against_the_images(tmp_path: Path) -> None:
    grid = Grid([2.0 * number for number in range(14)], 41, 43)
    mask = grid.mask(sphere(10))
    wrong = segmentation(grid, frames_of(grid, mask), measures=ONE_MILLIMETRE)
    assert numbers(only(saved(wrong, tmp_path), grid.geometry()))["Volume"] == 2 * mask.sum()
    # A mask of 2 mm on images of 1 mm is one of 2 mm: two of its planes are just so far apart.
    finer = Grid([1.0 * number for number in range(28)], 41, 43).geometry()
    coarse = segmentation(grid, frames_of(grid, mask), measures={"SpacingBetweenSlices": 2.0})
    assert numbers(only(saved(coarse, tmp_path), finer))["Volume"] == 2 * mask.sum()


def test_frames_without_a_position_lie_where_their_images_do(tmp_path: Path) -> None:
    frames = frames_of(GRID, BALL, PlanePositionSequence=None)
    path = saved(segmentation(GRID, frames, shared={}), tmp_path)
    assert numbers(only(path, GRID.geometry()))["Volume"] == BALL.sum()
    waiting = read(path, context())
    assert waiting.needs_series
    assert waiting.annotations[0].label == "Nodule"
    assert "no position" in str(waiting.annotations[0].problem)
    other = read(path, context(GRID.geometry(rows=512)))  # its images have other pixels
    assert not other.needs_series
    assert "no position" in str(other.annotations[0].problem)


def test_frames_of_one_place_are_united_and_order_does_not_count(tmp_path: Path) -> None:
    left, right = BALL.copy(), BALL.copy()
    left[:, :, 25:] = right[:, :, :18] = False
    frames = [*frames_of(GRID, right)[::-1], *frames_of(GRID, left)]
    path = saved(segmentation(GRID, frames, measures=ONE_MILLIMETRE), tmp_path)
    assert numbers(only(path))["Volume"] == BALL.sum()


def test_a_whole_pixels_shift_is_no_shear(tmp_path: Path) -> None:
    shifted = Grid(GRID.heights, 41, 43, origin=(-18.0, -33.0, 40.0))
    frames = [
        *frames_of(GRID, BALL[:14]),
        *((frame(shifted, p), np.roll(BALL[p], (3, -2), (0, 1))) for p in range(14, 27)),
    ]
    path = saved(segmentation(GRID, frames, measures=ONE_MILLIMETRE), tmp_path)
    whole = only(saved(segmentation(GRID, frames_of(GRID, BALL), measures=ONE_MILLIMETRE), tmp_path, "whole.dcm"))
    assert numbers(only(path)) == numbers(whole)


def sheared() -> FileDataset:
    frames = frames_of(GRID, BALL)
    for plane, (groups, _) in enumerate(frames):
        groups["PlanePositionSequence"] = items({"ImagePositionPatient": [0, 0.3 * plane, plane]})
    return segmentation(GRID, frames, measures=ONE_MILLIMETRE)


def of_two_orientations() -> FileDataset:
    turned = items({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]})
    frames = [*frames_of(GRID, BALL[:14]), *frames_of(GRID, BALL[14:], PlaneOrientationSequence=turned)]
    return segmentation(GRID, frames, measures=ONE_MILLIMETRE)


def of_a_slide() -> FileDataset:
    frames = frames_of(GRID, BALL, PlanePositionSequence=None, PlanePositionSlideSequence=items({}))
    return segmentation(GRID, frames, shared={}, TotalPixelMatrixRows=4000, TotalPixelMatrixColumns=4000)


def without_spacing() -> FileDataset:
    return segmentation(GRID, frames_of(GRID, BALL), shared={"PlaneOrientationSequence": items({})})


def with_frames_too_few() -> FileDataset:
    dataset = segmentation(GRID, frames_of(GRID, BALL), measures=ONE_MILLIMETRE)
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    return dataset


def cut() -> FileDataset:
    dataset = segmentation(GRID, frames_of(GRID, BALL), measures=ONE_MILLIMETRE)
    dataset.PixelData = dataset.PixelData[:1000]
    return dataset


def empty() -> FileDataset:
    return segmentation(GRID, [(frame(GRID, 3), np.zeros((41, 43), bool))], measures=ONE_MILLIMETRE)


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        (sheared(), "shifted against each other"),
        (of_two_orientations(), "differ in orientation"),
        (of_a_slide(), "slide microscopy"),
        (without_spacing(), "state no orientation"),
        (with_frames_too_few(), "20 for 21"),
        (cut(), "its pixels are cut"),
        (empty(), "no voxel"),
    ],
    ids=["sheared", "orientations", "slide", "spacing", "groups", "cut", "empty"],
)
def test_what_cannot_be_measured_keeps_its_label_and_says_why(
    dataset: FileDataset, problem: str, tmp_path: Path
) -> None:
    found = only(saved(dataset, tmp_path))
    assert (found.label, found.finding_code) == ("Nodule", "27925004^SCT^Nodule")
    assert problem in str(found.problem)
    assert texts(found) == {"AnnotationText": "Nodule"}
    assert (found.study_instance_uid, found.series_instance_uid) == (STUDY, SERIES)


def test_one_segment_that_cannot_be_placed_does_not_take_the_others_along(tmp_path: Path) -> None:
    frames = frames_of(GRID, BALL) + frames_of(GRID, BALL, 2, PlanePositionSequence=None, DerivationImageSequence=None)
    dataset = segmentation(GRID, frames, [segment(1, "Ball"), segment(2, "Lost"), segment(3, "Never drawn")])
    first, second, third = read(saved(dataset, tmp_path), context(GRID.geometry())).annotations
    assert (numbers(first)["Volume"], first.problem) == (BALL.sum(), None)
    assert "no position" in str(second.problem)
    assert third.problem == "no voxel"


def test_codes_are_current_and_say_the_side(tmp_path: Path) -> None:
    left = code("G-A101", "Left", "SRT")
    lung = items({"CodeValue": "T-28000", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Lung"})
    lung[0].AnatomicRegionModifierSequence = left
    kind = code("M-01000", "Lesion", "SRT")
    kind[0].SegmentedPropertyTypeModifierCodeSequence = code("255217005", "First")
    one = segment(7, "넓은 결절", AnatomicRegionSequence=lung, SegmentedPropertyTypeCodeSequence=kind)
    frames = frames_of(GRID, BALL, 7)
    dataset = segmentation(GRID, frames, [one], measures=ONE_MILLIMETRE, SpecificCharacterSet="ISO_IR 192")
    found = only(saved(dataset, tmp_path))
    assert (found.number, found.label) == (7, "넓은 결절")
    assert found.site_code == "39607008^SCT^Lung"
    assert found.laterality_code == "7771000^SCT^Left"
    modifier = next(value for value in found.values if value.name == "SegmentedPropertyTypeModifier")
    assert (modifier.text, modifier.value_code) == ("First", "255217005^SCT^First")


def test_values_that_no_segment_describes_are_kept_without_a_label(tmp_path: Path) -> None:
    labels = np.zeros(BALL.shape, dtype=np.uint8)
    labels[BALL], labels[3, 2, 2] = 4, 9
    frames = [(frame(GRID, plane, None), cut) for plane, cut in enumerate(labels)]
    segments = [segment(0, "Background"), segment(4, "Ball")]
    dataset = segmentation(
        GRID,
        frames,
        segments,
        measures=ONE_MILLIMETRE,
        SegmentationType="LABELMAP",
        BitsAllocated=8,
        PixelPaddingValue=0,
    )
    ball, unnamed = read(saved(dataset, tmp_path), context()).annotations
    assert (ball.number, ball.label, numbers(ball)["Volume"]) == (4, "Ball", BALL.sum())
    assert (unnamed.number, unnamed.label, numbers(unnamed)["Volume"]) == (9, None, 1)
    # Another background than 0: then 0 is a label.
    dataset.PixelPaddingValue, dataset.SegmentSequence[0].SegmentNumber = 9, 9
    found = read(saved(dataset, tmp_path), context()).annotations
    assert {one.number: numbers(one)["Volume"] for one in found} == {0: labels.size - BALL.sum() - 1, 4: BALL.sum()}


def test_study_and_series_are_those_of_the_images_that_a_segment_lies_on(tmp_path: Path) -> None:
    def instances(*uids: str) -> list[pydicom.Dataset]:
        return items(*({"ReferencedSOPInstanceUID": uid} for uid in uids))

    near = {"SeriesInstanceUID": "1.2.3.50", "ReferencedInstanceSequence": instances("1.2.3.50.1")}
    far = {"SeriesInstanceUID": "1.2.3.60", "ReferencedInstanceSequence": instances(*map(image_uid, range(27)))}
    other_study = {"StudyInstanceUID": "1.2.3.6", "ReferencedSeriesSequence": items(far)}
    values: dict[str, Any] = {
        "ReferencedSeriesSequence": items(near),
        "StudiesContainingOtherReferencedInstancesSequence": items(other_study),
    }
    dataset = segmentation(GRID, frames_of(GRID, BALL), measures=ONE_MILLIMETRE, **values)
    found = only(saved(dataset, tmp_path))
    assert (found.study_instance_uid, found.series_instance_uid) == ("1.2.3.6", "1.2.3.60")
    del dataset.ReferencedSeriesSequence, dataset.StudiesContainingOtherReferencedInstancesSequence
    found = only(saved(dataset, tmp_path), GRID.geometry())
    assert (found.study_instance_uid, found.series_instance_uid) == (None, SERIES)


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless, DEFLATED_FRAMES],
)
def test_every_encoding_gives_the_same_pixels(bits: int, syntax: str, tmp_path: Path) -> None:
    if syntax == RLELossless and bits == 1:
        pytest.skip("RLE is of whole bytes")
    mask = BALL[5:12]  # frames of 1763 pixels, which end within a byte
    values: dict[str, Any] = {"BitsAllocated": bits}
    if bits > 1:
        values |= {"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": 1}
    dataset = segmentation(GRID, frames_of(GRID, mask), measures=ONE_MILLIMETRE, **values)
    expected = only(saved(dataset, tmp_path))
    plain = dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    if syntax == ExplicitVRBigEndian and bits == 16:
        dataset.PixelData = np.frombuffer(plain, "<u2").astype(">u2").tobytes()
    elif syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless)
    elif syntax == DEFLATED_FRAMES:
        frames = [
            np.packbits(cut.ravel(), bitorder="little") if bits == 1 else cut.astype(f"<u{bits // 8}") for cut in mask
        ]
        deflater = [zlib.compressobj(wbits=-15) for _ in frames]
        coded = [one.compress(cut.tobytes()) + one.flush() for one, cut in zip(deflater, frames, strict=True)]
        dataset.PixelData = encapsulate(coded)
        dataset["PixelData"].is_undefined_length = True
    path = tmp_path / "encoded.dcm"
    implicit, order = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(path, dataset, implicit_vr=implicit, little_endian=order, force_encoding=True)
    assert numbers(only(path)) == numbers(expected) != {}


def test_files_of_pydicom_say_the_same_in_either_byte_order(tmp_path: Path) -> None:
    folder = Path(pydicom.__path__[0]) / "data" / "test_files"
    for name in ("liver_1frame.dcm", "liver_expb_1frame.dcm"):
        dataset = dcmread(folder / name)
        del dataset.PerFrameFunctionalGroupsSequence[1:]  # the file was cut to its first frame, and they were not
        found = only(saved(dataset, tmp_path, name))
        assert numbers(found)["Volume"] == pytest.approx(dataset.pixel_array.sum() * 0.810547**2, abs=0.001)
        assert found.finding_code == "10200004^SCT^Liver"


def test_a_file_without_segments_is_refused(tmp_path: Path) -> None:
    dataset = segmentation(GRID, frames_of(GRID, BALL))
    del dataset.SegmentSequence
    with pytest.raises(AnnotationError, match="no segments"):
        read(saved(dataset, tmp_path), context())
    surfaces = dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.66.5")
    with pytest.raises(AnnotationError, match="surfaces"):
        read(saved(surfaces, tmp_path), context())
