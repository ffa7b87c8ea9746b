"""The bytes of an RT Structure Set: where its contours lie, found by hopping from element to element.

Objects for the tens of millions of numbers of a large file would take gigabytes. So the walk here only notes where each
ContourData (3006,0050) is, for its numbers to be read one contour at a time, and pydicom gets the rest of the file
(encoding: PS3.5 section 7; structure: PS3.3 C.8.8.5 and C.8.8.6).
"""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import SEEK_END, BytesIO
from pathlib import Path
from struct import Struct
from sys import intern
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from extract.annotations.annotation import AnnotationError
from extract.data_set import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED

HEADER_BYTES = 32 << 20  # of what is not contours; the references to 100,000 images are a third of it
INFLATED_BYTES = 1 << 30  # of a deflated data set, on disk
CONTOUR_BYTES = 64 << 20  # of one contour: three million points

CANNOT_BE_PARSED = "structure set cannot be parsed"
EXCEEDS_A_LIMIT = "structure set exceeds a limit"

_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_DELIMITED = -1  # the end of what ends with a delimiter
_PIECE = 1 << 20
_ROI_CONTOURS, _CONTOURS, _ROI_NUMBER = 0x30060039, 0x30060040, 0x30060084
_IMAGES, _SOP_INSTANCE = 0x30060016, 0x00081155
_KIND, _POINTS, _DATA = 0x30060042, 0x30060046, 0x30060050
# SpecificCharacterSet, SOPClassUID, what wrote it, StructureSetLabel, -Date and -Time; ReferencedFrameOfReference-,
# StructureSetROI- and RTROIObservationsSequence.
_HEADER = frozenset((0x00080005, 0x00080016, 0x00080070, 0x00081090, 0x30060002, 0x30060008, 0x30060009))
_HEADER |= {0x30060010, 0x30060020, 0x30060080}


class ContourError(Exception):
    """The contours of a ROI cannot be taken; the argument is the reason."""


@dataclass(slots=True)
class Contour:
    """Where the numbers of one contour lie: ContourGeometricType, place and length in bytes, NumberOfContourPoints."""

    kind: str = ""
    start: int = 0
    length: int = 0
    points: int | None = None


@dataclass
class RoiContours:
    """An item of ROIContourSequence: its ReferencedROINumber, contours, and SOPInstanceUIDs of the images they name."""

    number: int | None = None
    contours: list[Contour] = field(default_factory=list)
    images: set[str] = field(default_factory=set)


@dataclass
class StructureSet:
    """A file with its contours found and its other attributes read, as far as they are needed here."""

    header: Dataset
    rois: list[RoiContours]
    file: IO[bytes]

    def points(self, contour: Contour) -> NDArray[np.float64]:
        """Return the points of a contour, shape (points, 3), in mm.

        Raises ContourError where they are not points, too many, or another number of them than the file states.
        """
        if contour.length > CONTOUR_BYTES:
            raise ContourError(f"a contour of more than {CONTOUR_BYTES >> 20} MB")
        self.file.seek(contour.start)
        text = self.file.read(contour.length).strip(b" \0\r\n\t")
        count = text.count(b"\\") + 1 if text else 0
        try:
            numbers = np.fromstring(text, sep="\\")  # what it cannot read it leaves out, or raises
        except ValueError:
            numbers = np.empty(0)
        if len(numbers) != count or not np.isfinite(numbers).all():
            raise ContourError("a contour holds something else than numbers")
        if count % 3:
            raise ContourError("a contour does not hold three numbers for each point")
        if contour.points is not None and contour.points * 3 != count:
            raise ContourError("a contour holds another number of points than it states")
        return numbers.reshape(-1, 3)


@contextmanager
def open_structure_set(path: Path) -> Iterator[StructureSet]:
    """Find the contours of a file, and keep it open to read them.

    Raises AnnotationError where the file is cut, its structure broken, or a limit exceeded.
    """
    with path.open("rb") as file, TemporaryFile() as inflated:
        data: IO[bytes] = file
        try:
            read_preamble(file, force=True)
            if _read_file_meta_info(file).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
                _inflate(file, inflated)
                data = inflated
            walk = _Walk(data)
            header = read_dataset(BytesIO(b"".join(walk.header)), walk.implicit, walk.little_endian)
        except (AnnotationError, OSError):
            raise
        except Exception as error:  # bytes that are no data set raise almost anything
            raise AnnotationError(CANNOT_BE_PARSED, type(error).__name__) from None
        yield StructureSet(header, walk.rois, data)


def _inflate(file: IO[bytes], inflated: IO[bytes]) -> None:
    """Write the rest of a file to another as it is without compression (RFC 1951), and go to its start."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    left = INFLATED_BYTES
    piece = file.read(_PIECE)
    while piece and not inflater.eof:
        plain = inflater.decompress(piece, _PIECE)
        left -= inflated.write(plain)
        if left < 0:
            raise AnnotationError(EXCEEDS_A_LIMIT, f"more than {INFLATED_BYTES >> 20} MB inflated")
        piece = inflater.unconsumed_tail or file.read(_PIECE)
    if not inflater.eof:
        raise _cut()
    inflated.seek(0)


def _cut() -> AnnotationError:
    return AnnotationError(CANNOT_BE_PARSED, "the file ends within it")


class _Found(NamedTuple):
    """An element: where it begins, where its value begins, the value's length, whether items in it are implicit VR."""

    tag: int
    head: int
    start: int
    length: int
    implicit: bool


# What is done with an element; returns where it ends if it was walked through.
_Take = Callable[[_Found], int | None]


class _Walk:
    """The way through the elements of a file, from where it stands. It keeps the header's bytes and the contours."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        start = file.tell()
        self._size = file.seek(0, SEEK_END)
        self._left = HEADER_BYTES
        self.header: list[bytes] = []
        self.rois: list[RoiContours] = []
        # How it is written is seen from its first element, whatever its meta information says, if there is any.
        first = self._read(start, 8)
        self.little_endian = int.from_bytes(first[:2], "little") <= int.from_bytes(first[:2], "big")
        self.implicit = re.fullmatch(b"[A-Z]{2}", first[4:6]) is None
        order = "<" if self.little_endian else ">"
        self._explicit = Struct(f"{order}HH2sH").unpack
        self._implicit = Struct(f"{order}HHL").unpack
        self._long = Struct(f"{order}L").unpack
        self._elements(start, self._size, self.implicit, self._take_of_file)

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        data = self._file.read(length)
        if len(data) < length:
            raise _cut()
        return data

    def _elements(self, position: int, end: int, implicit: bool, take: _Take) -> int:
        """Walk the elements of a data set or an item, and return where it ends."""
        while position != end:
            head = self._read(position, 8)
            group, number, length = self._implicit(head)
            tag = group << 16 | number
            start = position + 8
            if tag == ITEM_END and end == _DELIMITED:
                return start
            within = implicit
            if not implicit:
                _, _, code, length = self._explicit(head)
                if code in _LONG:
                    (length,) = self._long(self._read(start, 4))
                    start += 4
                within = code == b"UN"  # it holds implicit VR, if it holds items (PS3.5 section 6.2.2)
            if length != UNDEFINED and start + length > self._size:
                raise _cut()
            element = _Found(tag, position, start, length, within)
            position = take(element) or self._end(element)
            if position > end != _DELIMITED:
                raise AnnotationError(CANNOT_BE_PARSED, "an element ends behind the item it is in")
        return position

    def _end(self, element: _Found) -> int:
        return self._items(element, None) if element.length == UNDEFINED else element.start + element.length

    def _items(self, sequence: _Found, each: Callable[[], _Take] | None) -> int:
        """Walk a sequence, with what `each` gives for each item, and return where it ends; None steps over them."""
        position = sequence.start
        end = position + sequence.length if sequence.length != UNDEFINED else _DELIMITED
        while position != end:
            group, number, length = self._implicit(self._read(position, 8))
            tag = group << 16 | number
            position += 8
            if tag == SEQUENCE_END and end == _DELIMITED:
                return position
            if tag != ITEM:
                raise AnnotationError(CANNOT_BE_PARSED, "a sequence holds something else than items")
            if each is None and length != UNDEFINED:
                position += length
            else:
                item_end = position + length if length != UNDEFINED else _DELIMITED
                position = self._elements(position, item_end, sequence.implicit, each() if each else _step_over)
            if position > end != _DELIMITED:
                raise AnnotationError(CANNOT_BE_PARSED, "an item ends behind the sequence it is in")
        return position

    def _take_of_file(self, element: _Found) -> int | None:
        if element.tag == _ROI_CONTOURS:
            return self._items(element, self._roi)
        if element.tag not in _HEADER:
            return None
        end = self._end(element)
        self._left -= end - element.head
        if self._left < 0:
            raise AnnotationError(EXCEEDS_A_LIMIT, f"more than {HEADER_BYTES >> 20} MB beside the contours")
        self.header.append(self._read(element.head, end - element.head))
        return end

    def _roi(self) -> _Take:
        self.rois.append(RoiContours())
        return partial(self._take_of_roi, self.rois[-1])

    def _take_of_roi(self, roi: RoiContours, element: _Found) -> int | None:
        if element.tag == _ROI_NUMBER:
            roi.number = self._integer(element)
        elif element.tag == _CONTOURS:
            return self._items(element, partial(self._contour, roi))
        return None

    def _contour(self, roi: RoiContours) -> _Take:
        roi.contours.append(Contour())
        return partial(self._take_of_contour, roi, roi.contours[-1])

    def _take_of_contour(self, roi: RoiContours, contour: Contour, element: _Found) -> int | None:
        if element.tag == _DATA and element.length != UNDEFINED:
            contour.start, contour.length = element.start, element.length
        elif element.tag == _KIND:
            contour.kind = intern(self._text(element))
        elif element.tag == _POINTS:
            contour.points = self._integer(element)
        elif element.tag == _IMAGES:
            return self._items(element, lambda: partial(self._take_of_image, roi))
        return None

    def _take_of_image(self, roi: RoiContours, element: _Found) -> int | None:
        if element.tag == _SOP_INSTANCE and (uid := self._text(element)):
            roi.images.add(uid)
        return None

    def _text(self, element: _Found) -> str:
        return self._read(element.start, min(element.length, 64)).decode("ascii", "replace").strip(" \0")

    def _integer(self, element: _Found) -> int | None:
        text = self._text(element)
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,10}", text) else None


def _step_over(element: _Found) -> None:
    return None
