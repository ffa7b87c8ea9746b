"""Measures of masks whose true size is known, at 1 mm voxels and 2 cm diameter unless a test is about others."""

import itertools
from math import hypot, pi

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from made_masks import AXIAL, Grid, Mask, ellipsoid, sphere
from scipy.spatial.transform import Rotation
from skimage.measure import marching_cubes, mesh_surface_area

from extract.annotations.mask_measures import MaskMeasures, PlaneFrame

CUBE = Grid([float(height) for height in range(43)], 43, 43)
THICK = Grid([2.5 * number for number in range(17)], 61, 61, (0.7, 0.7))
TURNED = tuple(Rotation.from_euler("xyz", (20, 35, 50), degrees=True).as_matrix()[:2].ravel())


def measured(grid: Grid, mask: Mask, **settings: bool) -> dict[str, float]:
    measures = measures_of(grid, mask, **settings)
    return {value.name: value.number for value in measures.values() if value.number is not None}


def measures_of(grid: Grid, mask: Mask, **settings: bool) -> MaskMeasures:
    frame = PlaneFrame(grid.origin, grid.orientation)  # type: ignore[arg-type]
    measures = MaskMeasures(grid.heights, grid.spacing, frame, **settings)
    for plane, cut in enumerate(mask):
        if cut.any():
            measures.add(plane, cut)
    return measures


def area_of_ellipsoid(semi_axes: tuple[float, float, float]) -> float:
    """The integral over the sphere that the ellipsoid is an image of."""
    theta, phi = np.meshgrid(np.linspace(0, pi, 1001), np.linspace(0, 2 * pi, 2001), indexing="ij")
    normal = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    stretch = np.linalg.norm(normal / semi_axes, axis=-1) * np.prod(semi_axes) * np.sin(theta)
    return float(np.trapezoid(np.trapezoid(stretch, phi[0], axis=1), theta[:, 0]))


@pytest.mark.parametrize("grid", [CUBE, THICK], ids=["cubic", "0.7x0.7x2.5"])
@pytest.mark.parametrize("semi_axes", [(10, 10, 10), (6, 10, 15), (7, 12, 12)], ids=str)
@pytest.mark.parametrize("turned", [0, 1, 2])
def test_round_shapes_have_their_true_measures(grid: Grid, semi_axes: tuple[float, float, float], turned: int) -> None:
    rotation = Rotation.random(random_state=turned).as_matrix()
    # The centre off the voxels' centres, as nature has it.
    mask = grid.mask(lambda points: ellipsoid(*semi_axes)(points @ rotation), grid.center(0.23, 0.41, 0.37))
    found = measured(grid, mask)
    assert found["Volume"] == pytest.approx(4 / 3 * pi * np.prod(semi_axes), rel=0.01 if grid is CUBE else 0.02)
    assert found["SurfaceArea"] == pytest.approx(area_of_ellipsoid(semi_axes), rel=0.05)
    voxel_diagonal = hypot(grid.heights[1], *grid.spacing)
    assert found["MaximumDiameter3D"] == pytest.approx(2 * max(semi_axes), abs=voxel_diagonal)


@pytest.mark.parametrize("off", [0.0, 0.25, 0.5])
def test_diameters_and_area_in_the_plane_are_true_within_a_voxel(off: float) -> None:
    grid, turn = CUBE, Rotation.from_euler("z", 30 * off, degrees=True).as_matrix()
    found = measured(grid, grid.mask(lambda points: ellipsoid(15, 10, 8)(points @ turn), grid.center(off, off, 0)))
    assert found["LongAxis"] == pytest.approx(30, abs=1)
    assert found["ShortAxis"] == pytest.approx(20, abs=1)
    assert found["Area"] == pytest.approx(pi * 15 * 10, rel=0.02)
    assert measured(grid, grid.mask(sphere(10), grid.center() + off))["LongAxis"] == pytest.approx(20, abs=1)


def test_a_box_along_the_grid_is_exact_but_for_what_is_documented() -> None:
    mask = np.zeros((43, 43, 43), dtype=bool)
    mask[10:30, 8:28, 5:25] = True
    found = measured(CUBE, mask)
    assert found["Volume"] == 8000
    assert found["Area"] == 400
    assert found["LongAxis"] == pytest.approx(20 * 2**0.5, abs=1)
    assert found["MaximumDiameter3D"] == pytest.approx(20 * 3**0.5, abs=1.5)
    assert found["SurfaceArea"] == pytest.approx(0.9 * 2400, rel=0.01)  # what Crofton's 13 directions see of it
    assert found["SurfaceAreaMesh"] == pytest.approx(2400, rel=0.03)


def test_the_mesh_is_that_of_marching_cubes_over_the_whole_mask() -> None:
    mask = THICK.mask(ellipsoid(9, 7, 8)) | THICK.mask(sphere(3), THICK.center(12, 12, 8))
    mask &= np.random.default_rng(0).random(mask.shape) < 0.9  # every configuration of corners
    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=(2.5, 0.7, 0.7))
    assert measured(THICK, mask)["SurfaceAreaMesh"] == pytest.approx(mesh_surface_area(vertices, faces), rel=1e-5)


def test_planes_that_are_unevenly_spaced_count_by_their_own_extent() -> None:
    heights = np.concatenate([np.arange(0, 15, 1.0), np.arange(15, 41, 2.5)])
    grid = Grid(heights.tolist(), 61, 61, (0.7, 0.7))
    at = np.array(grid.origin) + np.array([21, 21, 17.3])
    found = measured(grid, grid.mask(sphere(10), at))
    assert found["Volume"] == pytest.approx(4 / 3 * pi * 1000, rel=0.02)
    assert found["SurfaceArea"] == pytest.approx(4 * pi * 100, rel=0.05)
    only = MaskMeasures([0, 1, 4], (1, 1))
    only.add(1, np.ones((2, 3), dtype=bool))
    assert next(value.number for value in only.values() if value.name == "Volume") == 6 * (0.5 + 1.5)


def test_place_is_told_in_patient_coordinates() -> None:
    grid = Grid([1.5 * number for number in range(25)], 61, 51, (0.7, 0.8), TURNED)
    at = grid.center(2, -3, 4)
    texts = {value.name: value.text for value in measures_of(grid, grid.mask(sphere(10), at)).values()}
    assert [float(x) for x in texts["Centroid"].split("\\")] == pytest.approx(at.tolist(), abs=0.05)
    box = np.array([float(x) for x in texts["BoundingBox"].split("\\")]).reshape(2, 3)
    assert box == pytest.approx(np.stack([at - 10, at + 10]), abs=1)
    straight = Grid([0.0, 2.0, 4.0], 9, 9)
    voxel = np.zeros((3, 9, 9), dtype=bool)
    voxel[1, 3, 4] = True
    texts = {value.name: value.text for value in measures_of(straight, voxel).values()}
    assert (texts["Centroid"], texts["BoundingBox"]) == ("-16\\-27\\42", "-16.5\\-27.5\\41\\-15.5\\-26.5\\43")


def test_cut_slices_in_any_pieces_are_the_same_mask() -> None:
    mask = CUBE.mask(ellipsoid(8, 5, 9)) | CUBE.mask(sphere(4), CUBE.center(14, 0, 15))
    whole = measured(CUBE, mask)
    cut = MaskMeasures(CUBE.heights, CUBE.spacing)
    for plane, row, column in zip(range(43), itertools.cycle((0, 3, 5)), itertools.cycle((2, 1)), strict=False):
        cut.add(plane, mask[plane, row:, column:], row, column)
    assert {value.name: value.number for value in cut.values()} == whole
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(sitk.GetImageFromArray(mask.astype(np.uint8)))
    assert whole["Volume"] == statistics.GetPhysicalSize(1)


def test_what_needs_the_distance_of_planes_is_left_out_where_it_is_not_known() -> None:
    mask = CUBE.mask(sphere(10))
    assert set(measured(CUBE, mask, in_plane=True)) == {"Area", "LongAxis", "ShortAxis"}
    only = MaskMeasures([7.0], (0.5, 2.0))
    only.add(0, np.ones((4, 1), dtype=bool))
    assert {value.name for value in only.values()} == {"Area", "LongAxis", "ShortAxis"}
    thick = MaskMeasures([7.0], (0.5, 2.0), thickness=3)
    thick.add(0, np.ones((4, 1), dtype=bool))
    assert {value.name: value.number for value in thick.values()}["Volume"] == 12
    assert MaskMeasures([0, 1], (1, 1)).values() == []


def test_planes_out_of_order_are_refused() -> None:
    measures = MaskMeasures([0, 1, 2], (1, 1), PlaneFrame((0, 0, 0), AXIAL))
    measures.add(1, np.ones((2, 2), dtype=bool))
    for plane in (0, 1, 3):
        with pytest.raises(ValueError, match="ascend"):
            measures.add(plane, np.ones((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="ascend"):
        MaskMeasures([0, 2, 1], (1, 1))
