"""Where the labels of one slice lie."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_LARGEST = 65_535  # find_objects lists all values up to the largest


def labels(plane: NDArray[Any], background: int = 0) -> Iterator[tuple[int, NDArray[np.bool_], int, int]]:
    """Yield the values of a slice of whole numbers, zero and more, that are not the background.

    With each come its mask, cut to the rectangle that holds it, and the first row and column of that.
    """
    values = None
    if background or plane.max(initial=0) > _LARGEST:
        values, compact = np.unique(plane, return_inverse=True)
        plane = compact.reshape(plane.shape) + 1
    for number, place in enumerate(ndimage.find_objects(plane), start=1):
        if place is None:
            continue
        value = number if values is None else int(values[number - 1])
        if value != background:
            yield value, plane[place] == number, place[0].start, place[1].start
