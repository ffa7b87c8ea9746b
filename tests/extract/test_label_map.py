"""Label maps in NIfTI and NRRD, in every order of axes, against the geometry of their series."""

import itertools
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from made_masks import FRAME_OF_REFERENCE, SERIES, STUDY, Grid, context, ellipsoid, image_uid, numbers, sphere, texts
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from extract.annotations.annotation import Annotation, AnnotationError, SeriesNotScannedError
from extract.annotations.label_map import read
from extract.annotations.mapping import LabelMapEntry

OBLIQUE = tuple(Rotation.from_euler("xyz", (20, 35, 50), degrees=True).as_matrix()[:2].ravel())
GRID = Grid([2.5 * number for number in range(14)], 51, 44, (0.7, 0.8), OBLIQUE)
ENTRY = LabelMapEntry({1: "Ball", 3: "Egg"}, SERIES, "MONAI Label", "finder", "AUTOMATIC", "Yui Nakamura")


def labels(grid: Grid = GRID) -> NDArray[np.uint8]:
    made = grid.mask(sphere(7), grid.center() + 8 * grid.axes[2]).astype(np.uint8)
    made[grid.mask(ellipsoid(6, 5, 7), grid.center() - 9 * grid.axes[2])] = 3
    return made


def image(values: NDArray[Any], grid: Grid = GRID, **settings: Any) -> Any:
    """An image whose axes are along a row, along a column, along the normal of the series."""
    made = sitk.GetImageFromArray(values, **settings)
    made.SetSpacing((grid.spacing[1], grid.spacing[0], grid.heights[1] - grid.heights[0]))
    made.SetDirection(np.array(grid.axes[::-1]).T.ravel().tolist())
    made.SetOrigin(grid.position(0))
    return made


def written(made: Any, folder: Path, name: str = "labels.nii.gz") -> Path:
    sitk.WriteImage(made, str(folder / name))
    return folder / name


def annotations(path: Path, entry: LabelMapEntry = ENTRY, grid: Grid = GRID) -> list[Annotation]:
    return read(path, context(grid.geometry()), entry).annotations


@pytest.mark.parametrize("name", ["labels.nii.gz", "labels.nii", "labels.nrrd"])
def test_labels_are_named_and_measured_on_the_grid_of_their_series(name: str, tmp_path: Path) -> None:
    ball, egg = annotations(written(image(labels()), tmp_path, name))
    assert [(one.number, one.label) for one in (ball, egg)] == [(1, "Ball"), (3, "Egg")]
    assert texts(egg)["AnnotationText"] == "Egg"
    assert (ball.generation, ball.algorithm_name, ball.annotation_system) == ("AUTOMATIC", "finder", "MONAI Label")
    assert ball.annotator_key == context().annotator_key("YUI^NAKAMURA")
    assert (ball.study_instance_uid, ball.series_instance_uid) == (STUDY, SERIES)
    assert ball.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert ball.images == {image_uid(plane) for plane in np.flatnonzero((labels() == 1).any(axis=(1, 2))).tolist()}
    assert numbers(ball)["Volume"] == pytest.approx(4 / 3 * pi * 343, rel=0.02)
    assert numbers(ball)["SurfaceArea"] == pytest.approx(4 * pi * 49, rel=0.05)
    assert numbers(ball)["LongAxis"] == pytest.approx(14, abs=0.8)
    centroid = [float(x) for x in texts(ball)["Centroid"].split("\\")]
    assert centroid == pytest.approx((GRID.center() + 8 * GRID.axes[2]).tolist(), abs=0.1)


def test_any_order_and_direction_of_axes_is_the_same_grid(tmp_path: Path) -> None:
    made = image(labels())
    expected = [(one.number, numbers(one), texts(one)) for one in annotations(written(made, tmp_path))]
    for order in itertools.permutations(range(3)):
        for flips in ((False, False, False), (True, True, False), (True, False, True)):
            turned = sitk.Flip(sitk.PermuteAxes(made, order), flips)
            found = annotations(written(turned, tmp_path))
            assert [(one.number, numbers(one), texts(one)) for one in found] == expected, (order, flips)


def other_grid(spacing: tuple[float, float, float] | None = None, shift: float = 0.0, angle: float = 0.0) -> Any:
    made = image(labels())
    made.SetSpacing(spacing or made.GetSpacing())
    made.SetOrigin((np.array(GRID.origin) + shift * GRID.axes[1]).tolist())
    turn = Rotation.from_rotvec(np.deg2rad(angle) * GRID.axes[0]).as_matrix()
    made.SetDirection((turn @ np.array(GRID.axes[::-1]).T).ravel().tolist())
    return made


@pytest.mark.parametrize(
    ("made", "detail"),
    [
        (image(labels()[1:]), "13 x 51 x 44 against 14 x 51 x 44"),
        (other_grid(spacing=(0.8, 0.72, 2.5)), "distance of rows 0.72 mm against 0.7 mm"),
        (other_grid(spacing=(0.8, 0.7, 2.6)), "mm apart"),
        (other_grid(shift=0.6), "0.600 mm apart, 0.350 mm allowed"),
        (other_grid(angle=3), "mm apart"),
    ],
    ids=["planes", "rows", "distance", "shifted", "turned"],
)
def test_another_grid_than_the_series_is_refused(made: Any, detail: str, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError) as refused:
        annotations(written(made, tmp_path, "labels.nrrd"))
    assert refused.value.args[0] == "the grid is not that of its series"
    assert detail in refused.value.args[1]


def test_rounding_is_no_other_grid(tmp_path: Path) -> None:
    made = other_grid(spacing=(0.8003, 0.7002, 2.5002), shift=0.05)
    expected = numbers(annotations(written(image(labels()), tmp_path, "exact.nii.gz"))[0])
    assert numbers(annotations(written(made, tmp_path))[0]) == expected  # measured on the grid of the images


def test_values_without_a_name_are_kept(tmp_path: Path) -> None:
    values = labels().astype(np.float64)
    values[0, 0, 0] = 14_175
    ball, unnamed, large = annotations(written(image(values), tmp_path), LabelMapEntry({1: "Ball"}, SERIES))
    assert (ball.label, unnamed.label, large.label) == ("Ball", None, None)
    assert (unnamed.number, large.number) == (3, 14_175)
    assert numbers(large)["Volume"] == pytest.approx(0.7 * 0.8 * 2.5)
    values[0, 0, 0] = 70_000
    assert annotations(written(image(values), tmp_path))[-1].number == 70_000


def slicer(values: NDArray[Any], layers: bool = False) -> Any:
    made = image(values, isVector=layers)
    finding = "SCT^49755003^Morphologically Abnormal Structure~SCT^27925004^Nodule~^^"
    tags = f"TerminologyEntry:list~{finding}~list~SCT^39607008^Lung~SCT^7771000^Left|Segmentation.Status:inprogress|"
    segments = [("Egg", 3, 0, tags), ("Ball", 1, int(layers), ""), ("Nothing", 2, 0, "")]
    for number, (name, value, layer, tag) in enumerate(segments):
        for key, text in {"Name": name, "LabelValue": value, "Layer": layer, "Tags": tag}.items():
            made.SetMetaData(f"Segment{number}_{key}", str(text))
    return made


def test_a_file_of_slicer_names_its_segments_itself(tmp_path: Path) -> None:
    entry = LabelMapEntry(series_instance_uid=SERIES)
    expected = {one.label: numbers(one) for one in annotations(written(image(labels()), tmp_path))}
    ball, nothing, egg = annotations(written(slicer(labels()), tmp_path, "a.seg.nrrd"), entry)
    assert [(one.number, one.label) for one in (ball, nothing, egg)] == [(1, "Ball"), (2, "Nothing"), (3, "Egg")]
    assert {one.label: numbers(one) for one in (ball, egg)} == expected
    assert nothing.problem == "no voxel"
    assert (egg.finding_code, egg.category_code) == (
        "27925004^SCT^Nodule",
        "49755003^SCT^Morphologically Abnormal Structure",
    )
    assert (egg.site_code, egg.laterality_code) == ("39607008^SCT^Lung", "7771000^SCT^Left")


def test_segments_in_layers_may_overlap(tmp_path: Path) -> None:
    values = labels()
    ball = GRID.mask(sphere(9), GRID.center() - 5 * GRID.axes[2])
    layers = np.stack([np.where(values == 3, 3, 0), ball], axis=-1).astype(np.uint8)
    path = written(slicer(layers, layers=True), tmp_path, "a.seg.nrrd")
    found = annotations(path, LabelMapEntry(series_instance_uid=SERIES))
    assert [one.number for one in found] == [1, 2, 3]
    volumes = {one.label: numbers(one).get("Volume") for one in found}
    voxel = 0.7 * 0.8 * 2.5
    assert volumes["Ball"] == pytest.approx(ball.sum() * voxel)
    assert volumes["Egg"] == pytest.approx((values == 3).sum() * voxel)


def test_what_is_no_label_map_is_refused(tmp_path: Path) -> None:
    def reason(made: Any, name: str = "labels.nii.gz") -> str:
        with pytest.raises(AnnotationError) as refused:
            annotations(written(made, tmp_path, name))
        return " ".join(map(str, refused.value.args))

    assert "fractions" in reason(image(labels() * 0.3))
    assert "negative" in reason(image(labels().astype(np.int16) - 1000))
    assert "4 dimensions" in reason(sitk.JoinSeries([image(labels())] * 2))
    assert "no segments are named" in reason(image(np.stack([labels()] * 3, -1), isVector=True), "labels.nrrd")
    broken = tmp_path / "broken.nii"
    broken.write_bytes(b"\0" * 400)
    with pytest.raises(AnnotationError, match="cannot be parsed"):
        annotations(broken)
    one = annotations(written(sitk.JoinSeries([image(labels())]), tmp_path))
    assert [annotation.number for annotation in one] == [1, 3]  # a fourth dimension of one is none


def test_a_sheared_grid_is_refused(tmp_path: Path) -> None:
    path = written(image(labels()), tmp_path, "labels.nii")
    header = bytearray(path.read_bytes())
    header[252:256] = np.array([0, 1], "<i2").tobytes()  # qform_code, sform_code
    rows = np.array([[0.8, 0, 0.5, 0], [0, 0.7, 0.9, 0], [0, 0, 2.5, 0]], "<f4")
    header[280:328] = rows.tobytes()
    path.write_bytes(header)
    with pytest.raises(AnnotationError, match="sheared"):
        annotations(path)


def test_a_series_must_be_named_scanned_and_have_a_geometry(tmp_path: Path) -> None:
    path = written(image(labels()), tmp_path)
    with pytest.raises(SeriesNotScannedError):
        read(path, context(), ENTRY)
    with pytest.raises(AnnotationError, match="the mapping names none"):
        read(path, context(), LabelMapEntry({1: "Ball"}))
    with pytest.raises(AnnotationError, match="geometry of its series is not known"):
        read(path, context(GRID.geometry(orientation=None)), ENTRY)
    with pytest.raises(AnnotationError, match="no single-frame image"):
        read(path, context(GRID.geometry(positions={})), ENTRY)
    with pytest.raises(FileNotFoundError):
        annotations(tmp_path / "gone.nii")
