"""Small phantoms: ellipses of constant value with a fixed texture, enough to be recognised in a viewer.

Only additions, products and comparisons are used, so that the bytes do not depend on a platform's mathematics library.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache

Ellipse = tuple[float, float, float, float, int]

#: CT values are stored as Hounsfield units + 1024 (RescaleIntercept -1024).
_THORAX: tuple[Ellipse, ...] = (
    (0.0, 0.0, 0.95, 0.75, 1064),
    (-0.42, -0.05, 0.32, 0.52, 174),
    (0.45, -0.05, 0.3, 0.5, 174),
    (0.0, 0.5, 0.12, 0.12, 1524),
)
_HEAD: tuple[Ellipse, ...] = ((0.0, 0.0, 0.78, 0.92, 350), (0.0, 0.0, 0.7, 0.84, 100))

#: background, then ellipses (centre x, centre y, radius x, radius y, stored value), later ones painted over earlier.
_LOOKS: dict[str, tuple[int, tuple[Ellipse, ...]]] = {
    "chest": (24, (*_THORAX, (0.08, -0.1, 0.2, 0.22, 1064))),
    "chest_contrast": (24, (*_THORAX, (0.08, -0.1, 0.2, 0.22, 1204))),
    "lung": (174, ()),
    "chest_pa": (300, ((0.0, 0.1, 0.9, 0.95, 2600), (-0.42, 0.0, 0.3, 0.7, 900), (0.42, 0.0, 0.3, 0.7, 900))),
    "chest_lateral": (300, ((0.0, 0.1, 0.75, 0.95, 2600), (-0.05, -0.05, 0.5, 0.7, 900))),
    "brain_t1": (5, (*_HEAD, (0.0, 0.0, 0.66, 0.8, 620), (0.0, 0.0, 0.16, 0.3, 220))),
    "brain_t1ce": (
        5,
        (*_HEAD, (0.0, 0.0, 0.66, 0.8, 620), (0.0, 0.0, 0.16, 0.3, 220), (0.35, -0.3, 0.1, 0.1, 1050)),
    ),
    "brain_t2": (5, (*_HEAD, (0.0, 0.0, 0.66, 0.8, 520), (0.0, 0.0, 0.16, 0.3, 1150), (0.35, -0.3, 0.2, 0.2, 900))),
    "brain_flair": (5, (*_HEAD, (0.0, 0.0, 0.66, 0.8, 560), (0.0, 0.0, 0.16, 0.3, 120), (0.35, -0.3, 0.2, 0.2, 980))),
    "pet": (10, ((0.0, 0.0, 0.9, 0.7, 900), (0.05, -0.1, 0.2, 0.22, 3500), (-0.4, -0.1, 0.12, 0.12, 9500))),
    "breast": (40, ((-1.0, 0.0, 1.4, 0.8, 1800), (-0.6, 0.1, 0.5, 0.4, 2500))),
}


@cache
def frame(look: str, rows: int, columns: int, texture: int) -> tuple[int, ...]:
    """Stored values of one frame, row by row (``rows * columns`` integers); ``texture`` shifts the grain."""
    background, ellipses = _LOOKS[look]
    values = []
    for row in range(rows):
        v = (2 * row + 1) / rows - 1
        for column in range(columns):
            u = (2 * column + 1) / columns - 1
            value = background
            for centre_u, centre_v, radius_u, radius_v, inside in ellipses:
                if ((u - centre_u) / radius_u) ** 2 + ((v - centre_v) / radius_v) ** 2 < 1:
                    value = inside
            values.append(value + (7 * row + 13 * column + 5 * texture) % 17)
    return tuple(values)


def words(values: list[int] | tuple[int, ...]) -> bytes:
    """16-bit unsigned little endian bytes, as PixelData of 16 bits allocated has them (PS3.5 section 8.2)."""
    data = array("H", values)
    if sys.byteorder == "big":
        data.byteswap()
    return data.tobytes()


@cache
def ultrasound(rows: int, columns: int, texture: int) -> bytes:
    """8-bit frame: a bright fan with speckle on black."""
    values = bytearray(rows * columns)
    for row in range(rows):
        half = columns * (row + 8) // (2 * rows + 16)
        for column in range(columns // 2 - half, columns // 2 + half):
            values[row * columns + column] = 40 + (row * 31 + column * 17 + texture * 7) % 97
    return bytes(values)


def bits(mask: list[bool]) -> bytes:
    """A binary mask, eight pixels to a byte, the first in the lowest bit (PS3.5 section 8.1.1), of even length."""
    packed = bytearray((len(mask) + 7) // 8)
    for index, inside in enumerate(mask):
        if inside:
            packed[index // 8] |= 1 << (index % 8)
    return bytes(packed) + b"\0" * (len(packed) % 2)
