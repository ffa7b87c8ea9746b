"""The planes that frames lie on: where each one is, and how far the next one would be if it is not there.

Positions are along the normal of the planes, in mm. The distance of planes is never taken from SliceThickness, which
says how much of the body a plane shows (PS3.3 C.7.6.2), but where there is one plane and no other source.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN_DISTANCE = "the distance of its planes is not known"
_MOST_PLANES = 1_000_000
_SLACK = 0.1  # of a distance: by how much positions may miss an even grid


@dataclass(frozen=True)
class PlaneGrid:
    """`positions` of all planes (ascending), and of each given position the index of its plane.

    `thickness` is the extent of an only plane. Where `is_in_plane`, distances are not known, and `positions` are those
    given. `method` says where the distances come from.
    """

    positions: NDArray[np.float64]
    indices: tuple[int, ...]
    thickness: float | None
    method: str | None
    is_in_plane: bool = False


@dataclass(frozen=True)
class PlaneEvidence:
    """What is known of the distance of planes: positions of the series' images, and attributes of the frames."""

    series: Sequence[float] | None
    spacing_between_slices: float | None
    slice_thickness: float | None
    series_is_missing: bool  # it is named and not scanned, so that it may tell later


def distinct(positions: Sequence[float], tolerance: float) -> list[float]:
    """Return positions in ascending order, one of those that are less than a tolerance (mm) apart."""
    kept: list[float] = []
    for position in sorted(positions):
        if not kept or position - kept[-1] > tolerance:
            kept.append(position)
    return kept


def plane_grid(positions: Sequence[float], evidence: PlaneEvidence) -> PlaneGrid:
    """Return the grid that planes at these positions (ascending, distinct) lie on.

    What counts, in this order: the positions of the series' images, where all planes lie on them; SpacingBetweenSlices,
    where the planes are whole multiples of it apart; the smallest distance of the planes, where most are that far
    apart or SliceThickness says the same. SpacingBetweenSlices goes first where two planes are just so far apart and
    the images much less: then the mask is coarser than they are.
    """
    between = evidence.spacing_between_slices
    stated = _even(positions, between, "planes by SpacingBetweenSlices") if between else None
    images = _of_series(positions, evidence.series or ())
    if images is not None and stated is not None and between and len(positions) > 1:
        is_coarser = between > 1.5 * float(np.diff(images.positions).min()) and 1 in np.diff(stated.indices)
        images = None if is_coarser else images
    if images is not None:
        return images
    if stated is not None:
        return stated
    thickness = evidence.slice_thickness
    if len(positions) == 1:
        if thickness and not evidence.series_is_missing:
            return PlaneGrid(np.array(positions), (0,), thickness, "SliceThickness as the extent of the only plane")
    else:
        gaps = np.diff(positions)
        smallest = float(gaps.min())
        is_usual = len(gaps) > 1 and np.count_nonzero(gaps < (1 + _SLACK) * smallest) > len(gaps) / 2
        is_stated = thickness is not None and abs(smallest - thickness) < _SLACK * thickness
        even = _even(positions, smallest, "planes by the smallest distance of frames")
        if even is not None and (is_usual or is_stated):
            return even
    return PlaneGrid(np.array(positions), tuple(range(len(positions))), None, None, is_in_plane=True)


def _of_series(positions: Sequence[float], series: Sequence[float]) -> PlaneGrid | None:
    if len(series) < 2:
        return None
    planes = np.asarray(series, dtype=float)
    indices = np.abs(planes - np.asarray(positions)[:, np.newaxis]).argmin(axis=1)
    tolerance = _SLACK * float(np.diff(planes).min())
    if np.abs(planes[indices] - positions).max() > tolerance or len(set(indices.tolist())) < len(positions):
        return None
    return PlaneGrid(planes, tuple(indices.tolist()), None, "planes by the positions of the series' images")


def _even(positions: Sequence[float], distance: float, method: str) -> PlaneGrid | None:
    """Return the even grid of about this distance, None where the planes do not lie on one."""
    gaps = np.diff(positions)
    steps = np.rint(gaps / distance).astype(int)
    if (steps < 1).any() or steps.sum() > _MOST_PLANES or (np.abs(gaps - steps * distance) > _SLACK * distance).any():
        return None
    indices = np.concatenate([[0], np.cumsum(steps)])
    planes = np.interp(np.arange(indices[-1] + 1), indices, positions)
    return PlaneGrid(planes, tuple(indices.tolist()), distance if len(positions) == 1 else None, method)
