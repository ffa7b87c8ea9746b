"""Measures of closed planar contours on parallel planes, as an RT Structure Set holds them (PS3.3 C.8.8.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from extract.annotations.annotation import CUBIC_MILLIMETRE, MILLIMETRE, SQUARE_MILLIMETRE, Value, measured
from extract.annotations.context import SeriesGeometry
from extract.annotations.contour_stream import ContourError
from extract.annotations.mask_measures import MaskMeasures, across, written

NOTHING = "the contours enclose nothing"
MOST_SKIPPED = 3  # planes in a row that whoever drew may have left out

_Floats = NDArray[np.floating]
_PLANAR = (0.2, 0.02)  # a contour may leave its plane by so many mm, or by this part of its size: it is rounded
_SAME_PLANE = (0.1, 0.01)  # the contours of one plane may lie so many mm apart, and by this part of the ROI's size
_ON_IMAGE = 0.2  # a contour may lie beside its image by this part of the images' distance
_PARALLEL = 1 - 1e-5  # cosine
_ACROSS = 16  # pixels at least, over the masks that the surface is measured on
_PIXELS = 200 * 200  # of such a mask at most
_MASKS = 2000  # at most
_CORNERS = 100  # of a plane's hull
_DIRECTIONS = 500  # in which the largest diameter is looked for


@dataclass(frozen=True)
class Measures:
    """What closed contours come to: the measures, the six cosines of their planes, why some measures are missing."""

    values: list[Value]
    orientation: tuple[float, ...]
    problem: str | None = None


def measure(contours: Sequence[_Floats], series: SeriesGeometry | None, *, repeats_count: bool = False) -> Measures:
    """Measure closed contours, each of shape (points, 3), in mm of the patient coordinate system.

    - Inside is what lies within an odd number of a plane's outlines; so holes, keyholes and outlines that cross
      themselves are what they look like. A contour that repeats another one of its plane is left out, unless
      `repeats_count` (CLOSED_PLANAR_XOR).
    - Volume (mm3): the area of each plane's outlines by the distance of planes. That comes from the positions of the
      series' images where each outline lies on one of them, else from the outlines; never from SliceThickness. An
      outline reaches half way to the next ones. Up to MOST_SKIPPED planes without one, between outlines that overlap,
      are interpolated by that; over more, or without overlap, the pieces stand apart. The outermost outlines of a
      piece reach outwards half the usual distance of its outlines.
    - LongAxis (mm): the largest diameter of a plane's outlines, which are taken as the outer edge. ShortAxis (mm): the
      largest one perpendicular to it, in the same plane. Area (mm2): the largest of a plane.
    - Centroid (mm): of the outlines as slabs, as thick as said above. MaximumDiameter3D, BoundingBox (mm): of the
      outlines, which taper towards the faces of their slabs.
    - SurfaceArea, SurfaceAreaMesh (mm2): those of MaskMeasures, on masks that the outlines are drawn on.

    Raises ContourError where the contours have no planes in common, or enclose nothing.
    """
    if not contours:
        raise ContourError(NOTHING)
    normal = _normal(contours)
    orientation = _orientation(normal, series)
    axes = np.array([*orientation, np.cross(*orientation)])  # along u, along v, along the normal
    planes = _planes(contours, axes, repeats_count)
    stack = _stack(planes, _image_positions(series, axes[2]))
    return Measures(
        [*_values_in_plane(planes), *(_values_of_stack(stack, axes) if stack else [])],
        tuple(map(float, orientation.ravel())),
        None if stack else "outlines in one plane, whose distance to others is not known: no volume",
    )


@dataclass
class _Plane:
    """The outlines of one plane, in mm: where it lies along the normal, and the rings in it, shape (points, 2).

    `area`, `centre` and `hull`, the corners of the convex hull, are those of what lies within an odd number of rings;
    `overlaps` tells whether that lies over what the plane before it has.
    """

    position: float
    rings: list[_Floats]
    area: float
    centre: tuple[float, float]
    hull: NDArray[np.float64]
    overlaps: bool


@dataclass
class _Stack:
    """Planes as slabs, which reach so far down and up along the normal (mm), and how they came to be."""

    planes: list[_Plane]
    down: _Floats
    up: _Floats
    usual: float  # distance of outlines
    method: str


def _normal(contours: Sequence[_Floats]) -> _Floats:
    """Return the normal that the contours have in common, each with the weight of its area (Newell's method)."""
    areas = np.array([_vector_area(contour) for contour in contours])
    sizes = np.linalg.norm(areas, axis=1)
    largest = areas[int(np.argmax(sizes))]
    total = np.where(areas @ largest < 0, -1, 1) @ areas
    if np.linalg.norm(total) > 1e-6:
        return np.asarray(total / np.linalg.norm(total))
    # Outlines that cross themselves may enclose as much the one way round as the other.
    widest = max(contours, key=lambda contour: float(np.ptp(contour, axis=0).sum()))
    _, extents, directions = np.linalg.svd(widest.astype(float) - widest.mean(axis=0, dtype=float), full_matrices=False)
    if extents[1] <= 1e-3:
        raise ContourError(NOTHING)
    return np.asarray(directions[2])


def _vector_area(contour: _Floats) -> _Floats:
    points = contour.astype(float) - contour[0]
    area: _Floats = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0) / 2
    return area


def _orientation(normal: _Floats, series: SeriesGeometry | None) -> _Floats:
    """Return two axes in the plane, shape (2, 3): those of the series' images, where they are parallel to it."""
    if series is not None and series.orientation is not None:
        of_images = np.array(series.orientation).reshape(2, 3)
        if abs(normal @ np.cross(*of_images)) > _PARALLEL:
            along_row = of_images[0] / np.linalg.norm(of_images[0])
            along_column = of_images[1] - of_images[1] @ along_row * along_row
            return np.array([along_row, along_column / np.linalg.norm(along_column)])
    # Else as images lie: rows run to the left or to the back, columns to the back or to the feet.
    rows, columns = ((1, 2), (0, 2), (0, 1))[int(np.argmax(np.abs(normal)))]
    along_row = np.eye(3)[rows] - normal[rows] * normal
    along_row /= np.linalg.norm(along_row)
    along_column = np.cross(normal, along_row)
    towards = -1 if columns == 2 else 1
    return np.array([along_row, along_column * towards * np.sign(along_column[columns])])


def _planes(contours: Sequence[_Floats], axes: _Floats, repeats_count: bool) -> list[_Plane]:
    """Sort the contours into planes, in ascending order."""
    rings, heights = [], np.empty(len(contours))
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for number, contour in enumerate(contours):
        placed = contour.astype(float) @ axes.T
        first, last = placed.min(axis=0), placed.max(axis=0)
        size = last - first
        if size[2] > max(_PLANAR[0], _PLANAR[1] * size[:2].max()):
            raise ContourError(_why_no_planes(contours))
        heights[number] = placed[:, 2].mean()
        rings.append(placed[:, :2].astype(np.float32))
        low, high = np.minimum(low, first[:2]), np.maximum(high, last[:2])
    apart = min(_SAME_PLANE[0], _SAME_PLANE[1] * float((high - low).max()))
    order = np.argsort(heights, kind="stable")
    planes: list[_Plane] = []
    before = shapely.Polygon()
    for group in np.split(order, np.flatnonzero(np.diff(heights[order]) > apart) + 1):
        own = [rings[contour] for contour in group]
        if not repeats_count:
            own = list({ring.tobytes(): ring for ring in own}.values())
        inside = _within_an_odd_number([_within(ring) for ring in own])
        if not inside.area:
            continue
        centre = inside.centroid
        overlaps = bool(inside.intersects(before))
        position = float(heights[group].mean())
        planes.append(_Plane(position, own, inside.area, (centre.x, centre.y), _hull(inside), overlaps))
        before = inside
    if not planes:
        raise ContourError(NOTHING)
    return planes


def _why_no_planes(contours: Sequence[_Floats]) -> str:
    for contour in contours:
        points = contour.astype(float) - contour.mean(axis=0, dtype=float)
        extents = np.linalg.svd(points, full_matrices=False, compute_uv=False)
        if len(points) > 3 and extents[2] > _PLANAR[1] * extents[0]:
            return "a contour is not planar"
    return "the contours' planes are not parallel"


def _within(ring: _Floats) -> shapely.Geometry:
    """Return what a ring encloses, by even-odd where it crosses or touches itself; a seam encloses nothing."""
    polygon = shapely.Polygon(ring)
    if polygon.is_valid:
        return polygon
    parts = [shapely.make_valid(polygon)]
    while any(part.geom_type in ("GeometryCollection", "MultiPolygon") for part in parts):
        parts = list(shapely.get_parts(parts))
    return shapely.multipolygons([part for part in parts if part.geom_type == "Polygon"])


def _within_an_odd_number(areas: list[shapely.Geometry]) -> shapely.Geometry:
    while len(areas) > 1:
        last = areas[-1:] if len(areas) % 2 else []
        areas = [shapely.symmetric_difference(one, other) for one, other in zip(areas[::2], areas[1::2], strict=False)]
        areas += last
    return areas[0]


def _hull(area: shapely.Geometry) -> NDArray[np.float64]:
    """Return the corners of the convex hull in order, shape (corners, 2), to 5 micrometres where there are many."""
    hull = shapely.convex_hull(area)
    if shapely.get_num_coordinates(hull) > _CORNERS:
        hull = hull.simplify(0.005)
    corners: NDArray[np.float64] = shapely.get_coordinates(hull)[:-1]  # the last is the first
    return corners


def _image_positions(series: SeriesGeometry | None, normal: _Floats) -> _Floats:
    """Return where the images of a series lie along the normal (mm, ascending); none where that is not known."""
    if series is None or series.orientation is None or not series.positions:
        return np.empty(0)
    if abs(normal @ np.cross(series.orientation[:3], series.orientation[3:])) <= _PARALLEL:
        return np.empty(0)
    positions = np.sort(np.array(list(series.positions.values())) @ normal)
    return positions[np.diff(positions, prepend=-np.inf) > 0.01]  # several images may share a place, as over time


def _stack(planes: list[_Plane], images: _Floats) -> _Stack | None:
    """Give each plane its extent along the normal; None for a single plane without a next one to measure from."""
    places = np.array([plane.position for plane in planes])
    overlap = np.array([plane.overlaps for plane in planes[1:]], dtype=bool)
    numbers = _image_numbers(places, images)
    distance = "distance of the outlines" if numbers is None else "distance of the series' images"
    if numbers is not None:
        places = images[numbers]
        local = np.gradient(images)[numbers]
    elif len(planes) > 1:
        gaps = np.diff(places)
        local = np.full(len(planes), np.median(gaps[overlap] if overlap.any() else gaps))
        numbers = np.cumsum([0, *np.maximum(np.rint(gaps / local[0]), 1)]).astype(int)
    else:
        return None
    gaps, steps = np.diff(places), np.diff(numbers)
    usual = max(1, int(np.median(steps[overlap]))) if overlap.any() else 1
    joined = (steps == 1) | overlap & (steps <= usual * (MOST_SKIPPED + 1))
    outwards = local * usual / 2
    skipped, pieces = int((steps[joined] - 1).sum()), 1 + int((~joined).sum())
    says = [
        distance,
        f"{skipped} planes without an outline interpolated" if skipped else "no plane skipped",
        f"{pieces} pieces apart" if pieces > 1 else "",
    ]
    return _Stack(
        planes,
        down=np.array([outwards[0], *np.where(joined, gaps / 2, np.minimum(gaps / 2, outwards[1:]))]),
        up=np.array([*np.where(joined, gaps / 2, np.minimum(gaps / 2, outwards[:-1])), outwards[-1]]),
        usual=float(np.median(local)) * usual,
        method="; ".join(filter(None, says)),
    )


def _image_numbers(places: _Floats, images: _Floats) -> NDArray[np.int64] | None:
    """Return the number of the image that each plane lies on; None where one does not lie on an image of its own."""
    if len(images) < 2:
        return None
    behind = np.clip(np.searchsorted(images, places), 1, len(images) - 1)
    numbers = np.where(places - images[behind - 1] < images[behind] - places, behind - 1, behind)
    beside = np.abs(places - images[numbers]) > _ON_IMAGE * np.diff(images).min()
    return None if beside.any() or len(set(numbers.tolist())) < len(numbers) else numbers


def _values_in_plane(planes: list[_Plane]) -> list[Value]:
    long_axis = short_axis = 0.0
    for plane in planes:
        distances = cdist(plane.hull, plane.hull)
        one, other = np.unravel_index(int(np.argmax(distances)), distances.shape)
        length = float(distances[one, other])
        if length > long_axis:
            long_axis, short_axis = length, across(plane.hull, (plane.hull[other] - plane.hull[one]) / length)
    return [
        measured("Area", max(p.area for p in planes), SQUARE_MILLIMETRE, "outlines; largest of the planes"),
        measured("LongAxis", long_axis, MILLIMETRE, "outlines; largest diameter in a plane, outline as outer edge"),
        measured("ShortAxis", short_axis, MILLIMETRE, "outlines; largest diameter perpendicular to the long axis"),
    ]


def _values_of_stack(stack: _Stack, axes: _Floats) -> list[Value]:
    """Return the measures that need the planes' extents; `axes` are those of the planes in patient coordinates."""
    volume, moment = 0.0, np.zeros(3)
    for plane, down, up in zip(stack.planes, stack.down, stack.up, strict=True):
        slab = plane.area * (down + up)
        volume += slab
        moment += slab * np.array([*plane.centre, plane.position + (up - down) / 2])
    box, diameter = _reach(stack, axes)
    slabs, tapered = f"outlines as slabs; {stack.method}", f"outlines, tapered; {stack.method}"
    values = [
        measured("Volume", volume, CUBIC_MILLIMETRE, f"area of outlines by distance of planes; {stack.method}"),
        measured("MaximumDiameter3D", diameter, MILLIMETRE, tapered),
    ]
    for name, numbers, how in (("Centroid", moment / volume @ axes, slabs), ("BoundingBox", box, tapered)):
        text = "\\".join(map(written, numbers))
        values.append(Value(name, text, None, MILLIMETRE, origin="measured", method=how))
    method = f"outlines drawn on a mask; {stack.method}"
    return values + [value for value in _masks(stack).values(method) if value.name.startswith("SurfaceArea")]


def _reach(stack: _Stack, axes: _Floats) -> tuple[_Floats, float]:
    """Return the bounding box along the patient's axes, and the largest diameter.

    Outlines taper upwards and downwards by as much as they reach. The diameter is the largest distance of corners that
    lie opposite each other in one of many directions, so it is short by a thousandth at most.
    """
    directions = np.concatenate([axes.T, _directions()])
    reach = np.full((2, len(directions)), -np.inf)
    ends = np.zeros((2, len(directions), 3))
    for plane, down, up in zip(stack.planes, stack.down, stack.up, strict=True):
        radius = np.sqrt(plane.area / np.pi)
        across = (plane.hull - plane.centre) @ directions[:, :2].T
        for end, sign in enumerate((-1, 1)):
            corners = plane.hull[(sign * across).argmax(axis=0)] - plane.centre
            for height in (-down, 0, up):
                taper = max(0.0, 1 - abs(height) / radius)
                level = np.full(len(directions), plane.position + height)
                points = np.column_stack([plane.centre + taper * corners, level])
                along = sign * (points * directions).sum(axis=1)
                further = along > reach[end]
                reach[end, further] = along[further]
                ends[end, further] = points[further]
    return np.concatenate([-reach[0, :3], reach[1, :3]]), float(np.linalg.norm(ends[1] - ends[0], axis=1).max())


@cache
def _directions() -> _Floats:
    """Return directions spread evenly over a half sphere (a spiral by the golden angle)."""
    along = (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
    turn = np.arange(_DIRECTIONS) * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - along**2)
    return np.column_stack([across * np.cos(turn), across * np.sin(turn), along])


def _masks(stack: _Stack) -> MaskMeasures:
    """Draw the slabs on masks, as far apart as the outlines usually are.

    Pixels are as large as that, for a flat face is seen too small on unequal voxels.
    """
    bottoms = np.array([plane.position for plane in stack.planes]) - stack.down
    tops = np.array([plane.position for plane in stack.planes]) + stack.up
    extent = float(tops[-1] - bottoms[0])
    count = min(max(1, round(extent / stack.usual)), _MASKS)
    thickness = extent / count
    heights = bottoms[0] + (np.arange(count) + 0.5) * thickness
    corners = np.concatenate([plane.hull for plane in stack.planes])
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    pixel = max(min(thickness, size.max() / _ACROSS), float(np.sqrt(size.prod() / _PIXELS)))
    rows, columns = (np.ceil(size[::-1] / pixel) + 1).astype(int)
    measures = MaskMeasures(heights.tolist(), (pixel, pixel), thickness=thickness)
    drawn, mask = -1, np.empty((0, 0), dtype=bool)
    for number, (height, plane) in enumerate(zip(heights, np.searchsorted(bottoms, heights, "right") - 1, strict=True)):
        if height >= tops[plane]:
            continue
        if plane != drawn:
            drawn, mask = plane, _mask(stack.planes[plane].rings, low, pixel, rows, columns)
        measures.add(number, mask)
    return measures


def _mask(rings: list[_Floats], low: _Floats, pixel: float, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return which pixels' centres lie within an odd number of rings; that of the first pixel is at `low`."""
    starts = np.concatenate([(ring - low) / pixel for ring in rings])
    ends = np.concatenate([(np.roll(ring, -1, axis=0) - low) / pixel for ring in rings])
    first, behind = (np.ceil(np.sort([starts[:, 1], ends[:, 1]], axis=0))).astype(int).clip(0, rows)
    # Each line of a ring crosses the rows from `first` to `behind`; right of a crossing, inside and outside change.
    counts = behind - first
    lines = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(lines)) - np.repeat(np.cumsum(counts) - counts, counts) + first[lines]
    (x, y), (to_x, to_y) = starts[lines].T, ends[lines].T
    column = np.ceil(x + (row - y) * (to_x - x) / (to_y - y)).astype(int).clip(0, columns)
    crossings = np.bincount(row * (columns + 1) + column, minlength=rows * (columns + 1)).reshape(rows, columns + 1)
    inside: NDArray[np.bool_] = np.cumsum(crossings[:, :-1], axis=1) % 2 == 1
    return inside
