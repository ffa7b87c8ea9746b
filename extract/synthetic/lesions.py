"""Lesions of known geometry: ellipsoids, what follows from their axes, and the voxels and contours that show them.

Coordinates are of the DICOM patient system (PS3.3 C.7.6.2.1.1), lengths in mm. Directions are unit vectors of rational
numbers, so that no platform's mathematics library decides whether a voxel lies inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, cos, pi, sin, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LesionKind = Literal["GGN", "SOLID_PART", "SOLID_NODULE", "BRAIN_METASTASIS"]
Vector = tuple[float, float, float]
Floats = NDArray[np.float64]

STRAIGHT: tuple[Vector, Vector, Vector] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
#: Turned about two axes, by the triangle of sides 3, 4 and 5.
TURNED: tuple[Vector, Vector, Vector] = ((0.8, 0.48, 0.36), (-0.6, 0.64, 0.48), (0, -0.6, 0.8))
AXIAL: tuple[Vector, Vector] = ((1, 0, 0), (0, 1, 0))
OBLIQUE: tuple[Vector, Vector] = ((1, 0, 0), (0, 0.8, 0.6))
MARGIN = 3.0


@dataclass(frozen=True)
class Measures:
    """What is true of a lesion, in mm, mm2 and mm3; the axes are those of its largest section in a given plane."""

    volume: float
    surface_area: float
    long_axis: float
    short_axis: float
    maximum_diameter: float


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid with its half axes along ``directions``; ``name`` and ``tracking_uid`` stay the same over time."""

    kind: LesionKind
    name: str
    tracking_uid: str
    centre: Vector
    half_axes: Vector
    directions: tuple[Vector, Vector, Vector] = STRAIGHT

    def scaled(self, factor: float) -> Lesion:
        """The lesion grown, or as another reader draws it."""
        a, b, c = self.half_axes
        return replace(self, half_axes=(round(a * factor, 3), round(b * factor, 3), round(c * factor, 3)))

    def _form(self, power: int) -> Floats:
        """The matrix with these directions and the half axes to that power."""
        directions = np.array(self.directions, dtype=float)
        scale = np.array(self.half_axes, dtype=float) ** power
        return np.asarray((directions[:, :, None] * directions[:, None, :] * scale[:, None, None]).sum(axis=0))

    def reach(self, direction: Vector) -> float:
        """Half its extent in a direction."""
        along = np.array(direction, dtype=float)
        return sqrt(float(along @ self._form(2) @ along))

    def measures(self, plane: tuple[Vector, Vector]) -> Measures:
        """Closed forms, but for the surface, which is integrated to far more digits than are shown."""
        a, b, c = self.half_axes
        heights, weights = np.polynomial.legendre.leggauss(80)
        turns = np.linspace(0, 2 * pi, 160, endpoint=False)
        flat = (b * c * np.cos(turns)) ** 2 + (a * c * np.sin(turns)) ** 2
        patches = np.sqrt((1 - heights[:, None] ** 2) * flat + (a * b * heights[:, None]) ** 2)
        rows, columns = (np.array(direction, dtype=float) for direction in plane)
        form = self._form(-2)
        across, down, mixed = rows @ form @ rows, columns @ form @ columns, rows @ form @ columns
        middle, half = (across + down) / 2, sqrt(((across - down) / 2) ** 2 + mixed**2)
        return Measures(
            volume=4 / 3 * pi * a * b * c,
            surface_area=float((patches.sum(axis=1) * weights).sum() * 2 * pi / len(turns)),
            long_axis=2 / sqrt(middle - half),
            short_axis=2 / sqrt(middle + half),
            maximum_diameter=2 * max(self.half_axes),
        )

    def contour(self, z: float, points: int = 72) -> list[Vector]:
        """A polygon on its outline in the axial plane at ``z``, without points where the plane misses it."""
        form = self._form(-2)
        within, lever = form[:2, :2], form[:2, 2]
        offset = z - self.centre[2]
        middle = -np.linalg.solve(within, lever) * offset
        left = 1 - offset**2 * float(form[2, 2] - lever @ np.linalg.solve(within, lever))
        if left <= 0:
            return []
        root = np.linalg.inv(np.linalg.cholesky(within)).T * sqrt(left)
        outline = []
        for step in range(points):
            turn = 2 * pi * step / points
            x, y = self.centre[:2] + middle + root @ np.array((cos(turn), sin(turn)))
            outline.append((round(float(x), 2), round(float(y), 2), round(z, 2)))
        return outline


@dataclass(frozen=True)
class Grid:
    """Voxels in the patient: the centre of the first, how they go on, and how many there are.

    ``spacing`` is the distance of rows, of columns and of planes; ``shape`` counts planes, rows and columns.
    """

    corner: Vector
    plane: tuple[Vector, Vector]
    spacing: Vector
    shape: tuple[int, int, int]

    @property
    def normal(self) -> Vector:
        (a, b, c), (d, e, f) = self.plane
        return (b * f - c * e, c * d - a * f, a * e - b * d)

    def position(self, index: int) -> Vector:
        """ImagePositionPatient of a plane."""
        x, y, z = (
            round(start + index * self.spacing[2] * step, 4)
            for start, step in zip(self.corner, self.normal, strict=True)
        )
        return (x, y, z)


@lru_cache(maxsize=16)  # each slice of a series asks anew
def mask(grid: Grid, lesion: Lesion) -> NDArray[np.bool_]:
    """Whether the centre of each voxel lies within the lesion, in the shape of the grid."""
    planes, rows, columns = grid.shape
    steps = (
        np.arange(planes)[:, None, None] * grid.spacing[2],
        np.arange(rows)[None, :, None] * grid.spacing[0],
        np.arange(columns)[None, None, :] * grid.spacing[1],
    )
    ways = (grid.normal, grid.plane[1], grid.plane[0])
    x, y, z = (
        grid.corner[axis] - lesion.centre[axis] + sum(step * way[axis] for step, way in zip(steps, ways, strict=True))
        for axis in range(3)
    )
    distance = np.zeros(grid.shape)
    for (dx, dy, dz), half in zip(lesion.directions, lesion.half_axes, strict=True):
        distance += ((x * dx + y * dy + z * dz) / half) ** 2
    return np.asarray(distance <= 1)


def grid_around(
    lesions: tuple[Lesion, ...], spacing: Vector, plane: tuple[Vector, Vector] = AXIAL, margin: float = MARGIN
) -> Grid:
    """The grid of that spacing that holds the lesions with some room about them."""
    unplaced = Grid((0, 0, 0), plane, spacing, (1, 1, 1))
    corner = np.zeros(3)
    shape = []
    for direction, step in zip((unplaced.normal, plane[1], plane[0]), (spacing[2], *spacing[:2]), strict=True):
        middles = [float(np.dot(lesion.centre, direction)) for lesion in lesions]
        reaches = [lesion.reach(direction) + margin for lesion in lesions]
        first = min(middle - reach for middle, reach in zip(middles, reaches, strict=True))
        last = max(middle + reach for middle, reach in zip(middles, reaches, strict=True))
        corner += first * np.array(direction)
        shape.append(ceil((last - first) / step) + 1)
    x, y, z = (round(float(value), 2) for value in corner)
    return Grid((x, y, z), plane, spacing, (shape[0], shape[1], shape[2]))
