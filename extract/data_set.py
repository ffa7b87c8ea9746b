"""The elements of a DICOM data set: the one place where bytes become elements (PS3.5 section 7, PS3.10 section 7).

Two ways lead here. A walk over the bytes serves the usual files (explicit or implicit VR, little endian, with
preamble): it keeps only the elements that are asked for and steps over the rest. Where it is in any doubt, pydicom,
slower and more forgiving, reads the file. What is made of an element is `header`'s business, the same for both ways.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from struct import Struct
from typing import BinaryIO, cast

from pydicom import Dataset, dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import RawDataElement
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.values import convert_SQ

from extract.limits import ELEMENT_BYTES, ELEMENTS, HEADER_BYTES, INFLATED_BYTES, LimitError

UNDEFINED = 0xFFFFFFFF
PIXELS = 0x7FE00008  # FloatPixelData, the first of three; the header ends before it
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PERSON_NAMES = frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "PN")

_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_NAMES = {code: code.decode() for code in _SHORT | _LONG}
_EXPLICIT = Struct("<HH2sH").unpack_from
_IMPLICIT = Struct("<HHL").unpack_from
_LENGTH = Struct("<L").unpack_from
_READ_AHEAD = 16 * 1024
_DEEPEST = 32

# Syntaxes whose data set is not plain explicit VR little endian (PS3.5 annex A).
_IMPLICIT_LITTLE = "1.2.840.10008.1.2"
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
# What comes before a data set once it is inflated: preamble, prefix, and TransferSyntaxUID of explicit VR.
PLAIN_START = bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"


class _DoubtError(Exception):
    """The walk is not sure of what it sees."""


@dataclass(slots=True)
class Element:
    """One element: value representation ('' where the file states none), bytes, and how they are written."""

    vr: str
    value: bytes
    little_endian: bool = True
    implicit: bool = False
    text: str | None = None  # set where pydicom has already converted the value
    sequence: "list[DataSet] | None" = None  # set where pydicom has already parsed the items

    def items(self) -> "list[DataSet]":
        """Return the items of a sequence, an empty list for anything else."""
        if self.sequence is None:
            self.sequence = _items(self) if self.vr in ("SQ", "UN", "") and self.value else []
        return self.sequence


@dataclass(slots=True)
class DataSet:
    """Elements by tag: of a file, of its meta information, or of a sequence's item."""

    elements: dict[int, Element] = field(default_factory=dict)

    def get(self, tag: int) -> Element | None:
        return self.elements.get(tag)


@dataclass
class ReadFile:
    """One file: meta information, data set, and what the encoding was found to be.

    `is_cut` tells that the file ends within an element of its header, which is left out; `is_truncated` that it ends
    within its pixels. `pixels_at` is where their element begins, counted in the inflated data set of a deflated file.
    """

    meta: DataSet
    data_set: DataSet
    has_preamble: bool
    implicit: bool
    little_endian: bool
    is_cut: bool = False
    is_truncated: bool = False
    pixels_at: int | None = None


@dataclass(frozen=True)
class Wanted:
    """Which top-level elements are kept: some tags, whole private groups, and every person name."""

    tags: frozenset[int]
    private_groups: frozenset[int]

    @cached_property
    def known(self) -> frozenset[int]:
        return self.tags | PERSON_NAMES


def read_file(file: BinaryIO, wanted: Wanted) -> ReadFile:
    """Read a file's header, up to the pixel data.

    Raises LimitError, and whatever pydicom raises on bytes that are no data set.
    """
    try:
        return _walk_file(file, wanted)
    except _DoubtError:
        file.seek(0)
        return _read_with_pydicom(file, wanted)


def _size(file: BinaryIO) -> int:
    declared = getattr(file, "declared_size", None)
    if declared is not None:  # a member of an archive, which would be unpacked whole to find its end
        return int(declared)
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        here = file.tell()
        size = file.seek(0, os.SEEK_END)
        file.seek(here)
        return size


class _Window:
    """The bytes of a file around a position; grows by reading on, moves on by seeking unless it is pinned."""

    __slots__ = ("data", "file", "pinned", "size", "start")

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = _size(file)
        self.start = 0
        self.pinned = False
        self.data = file.read(_READ_AHEAD)

    def hold(self, end: int) -> None:
        """Have the bytes up to `end`, counted in the window. Raises _DoubtError where the file ends before."""
        missing = end - len(self.data)
        if missing > 0:
            if self.start + end > self.size:
                raise _DoubtError
            if end > ELEMENT_BYTES:
                raise LimitError(f"an element of more than {ELEMENT_BYTES >> 20} MB")
            # By a quarter at least, for each time all is copied.
            self.data += self.file.read(missing + max(_READ_AHEAD, len(self.data) // 4))
            if end > len(self.data):
                raise _DoubtError

    def move(self, position: int) -> int:
        """Drop what is before `position`, and return where it is now."""
        self.start += position
        if self.start > self.size:
            raise _DoubtError
        if position <= len(self.data):
            self.data = self.data[position:]
        else:
            self.file.seek(self.start)
            self.data = self.file.read(_READ_AHEAD)
        return 0

    def reach(self, position: int, length: int) -> int:
        """Have some bytes from `position` on, and return where it is now."""
        if position + length > len(self.data):
            if not self.pinned:
                position = self.move(position)
            self.hold(position + length)
        return position


def _walk_file(file: BinaryIO, wanted: Wanted) -> ReadFile:
    window = _Window(file)
    if window.data[128:132] != b"DICM":
        raise _DoubtError
    meta, position = _walk_meta(window)
    syntax = meta.get(0x00020010)
    if syntax is None:
        raise _DoubtError
    uid = syntax.value.rstrip(b"\0 ").decode("ascii", "replace")
    if uid in _DEFLATED or uid == _EXPLICIT_BIG or not UID(uid).is_valid or UID(uid).is_private:
        raise _DoubtError
    implicit = uid == _IMPLICIT_LITTLE
    data_set, pixels_at, is_truncated = _walk_data_set(window, position, implicit, wanted)
    return ReadFile(meta, data_set, True, implicit, True, is_truncated=is_truncated, pixels_at=pixels_at)


def _walk_meta(window: _Window) -> tuple[DataSet, int]:
    elements: dict[int, Element] = {}
    position = 132
    while True:
        if window.start + position + 12 > window.size:
            return DataSet(elements), position
        window.hold(position + 12)
        data = window.data
        group, number, code, length = _EXPLICIT(data, position)
        if group != 0x0002:
            return DataSet(elements), position
        start = position + 8
        if code in _LONG:
            (length,) = _LENGTH(data, start)
            start += 4
        elif code not in _SHORT:
            raise _DoubtError
        if length == UNDEFINED:
            raise _DoubtError
        window.hold(start + length)
        elements[0x00020000 | number] = Element(_NAMES[code], window.data[start : start + length])
        position = start + length


def _walk_data_set(window: _Window, position: int, implicit: bool, wanted: Wanted) -> tuple[DataSet, int | None, bool]:
    """Walk the top level up to the pixels; tell where they begin, if there are any, and whether they are cut.

    Every line here runs once per element of every file.
    """
    elements: dict[int, Element] = {}
    known, private_groups = wanted.known, wanted.private_groups
    last = 0x00080000 - 1
    while True:
        rest = window.size - window.start - position
        if rest < 8:
            if rest:
                raise _DoubtError
            return DataSet(elements), None, False
        if position + 12 > len(window.data):
            position = window.move(position)
            window.hold(min(position + 12, window.size - window.start))
        data = window.data
        if implicit:
            group, number, length = _IMPLICIT(data, position)
            code, start = b"", position + 8
        else:
            group, number, code, length = _EXPLICIT(data, position)
            start = position + 8
            if code in _LONG:
                if rest < 12:
                    raise _DoubtError
                (length,) = _LENGTH(data, start)
                start += 4
            elif code not in _SHORT:
                raise _DoubtError
        tag = group << 16 | number
        if tag <= last or group == 0xFFFE:
            raise _DoubtError
        last = tag
        if PIXELS <= tag <= 0x7FE00010:
            is_truncated = length != UNDEFINED and window.start + start + length > window.size
            return DataSet(elements), window.start + position, is_truncated
        keep = tag in known or group in private_groups or code == b"PN"
        if length == UNDEFINED:
            if keep and code == b"UN":
                raise _DoubtError
            window.pinned = keep
            end = _end_of_items(window, start, implicit or code == b"UN", _DEEPEST)
            window.pinned = False
            if not keep:
                position = end
                continue
            length = end - 8 - start
        else:
            end = start + length
            if window.start + end > window.size:
                raise _DoubtError
        if keep:
            window.hold(start + length)
            # What is UN holds implicit VR, if it holds items (PS3.5 section 6.2.2).
            value = window.data[start : start + length]
            elements[tag] = Element(_NAMES.get(code, ""), value, implicit=implicit or code == b"UN")
        position = window.move(end) if end > len(window.data) else end


def _end_of_items(window: _Window, position: int, implicit: bool, depth: int) -> int:
    """Return where a sequence of undefined length ends, behind its delimiter (PS3.5 section 7.5.2).

    The place is that in the window as it is then, which may have moved on.
    """
    if not depth:
        raise _DoubtError
    while True:
        position = window.reach(position, 8)
        group, number, length = _IMPLICIT(window.data, position)
        tag = group << 16 | number
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM:
            raise _DoubtError
        if length != UNDEFINED:
            position += length
            continue
        position = _end_of_item(window, position, implicit, depth)


def _end_of_item(window: _Window, position: int, implicit: bool, depth: int) -> int:
    while True:
        position = window.reach(position, 8)
        data = window.data
        group, number, length = _IMPLICIT(data, position)
        if group == 0xFFFE:
            if number != ITEM_END & 0xFFFF:
                raise _DoubtError
            return position + 8
        code = b""
        if not implicit:
            _, _, code, length = _EXPLICIT(data, position)
            if code in _LONG:
                position = window.reach(position, 12)
                (length,) = _LENGTH(window.data, position + 8)
                position += 4
            elif code not in _SHORT:
                raise _DoubtError
        position += 8
        if length == UNDEFINED:
            position = _end_of_items(window, position, implicit or code == b"UN", depth - 1)
        else:
            position += length


class _Bytes(_Window):
    """The bytes of a sequence, all there."""

    __slots__ = ()

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.start = 0
        self.pinned = True

    def hold(self, end: int) -> None:
        if end > self.size:
            raise _DoubtError


def _items(element: Element) -> list[DataSet]:
    """Return the items of a sequence's bytes; of broken or big-endian ones, those that pydicom makes of them."""
    try:
        if not element.little_endian:
            raise _DoubtError
        return list(_walk_items(element.value, element.implicit))
    except _DoubtError:
        value, order = element.value, element.little_endian
        sequence = convert_SQ(value, element.implicit, order, None)
        return [_from_pydicom(item) for item in sequence]


def _walk_items(data: bytes, implicit: bool) -> Iterator[DataSet]:
    window = _Bytes(data)
    position = 0
    left = ELEMENTS
    while position < len(data):
        window.hold(position + 8)
        group, number, length = _IMPLICIT(data, position)
        if group << 16 | number != ITEM:
            raise _DoubtError
        position += 8
        end = position + length if length != UNDEFINED else UNDEFINED
        elements: dict[int, Element] = {}
        while position < end:
            window.hold(position + 8)
            group, number, length = _IMPLICIT(data, position)
            tag = group << 16 | number
            if tag == ITEM_END and end == UNDEFINED:
                position += 8
                break
            code = b""
            if not implicit:
                _, _, code, length = _EXPLICIT(data, position)
                if code in _LONG:
                    window.hold(position + 12)
                    (length,) = _LENGTH(data, position + 8)
                    position += 4
                elif code not in _SHORT:
                    raise _DoubtError
            position += 8
            start = position
            if length == UNDEFINED:
                position = _end_of_items(window, start, implicit or code == b"UN", _DEEPEST)
                length = position - 8 - start
            else:
                position += length
                window.hold(position)
            inner_implicit = implicit or code == b"UN"
            elements[tag] = Element(_NAMES.get(code, ""), data[start : start + length], implicit=inner_implicit)
        if end != UNDEFINED and position != end:
            raise _DoubtError
        left -= len(elements) + 1
        if left < 0:
            raise LimitError(f"more than {ELEMENTS:,} elements in one sequence")
        yield DataSet(elements)


class _Bounded:
    """A file of which no more than HEADER_BYTES can be read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell = file.seek, file.tell
        self.left = HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise LimitError(f"more than {HEADER_BYTES >> 20} MB before the pixels")
        return data


def _read_with_pydicom(file: BinaryIO, wanted: Wanted) -> ReadFile:
    preamble = read_preamble(file, force=True)
    meta = _read_file_meta_info(file)
    if meta.get("TransferSyntaxUID") in _DEFLATED:
        read = _read_deflated(file, wanted)
        read.meta, read.has_preamble = _from_pydicom(meta), preamble is not None
        return read
    file.seek(0)
    bounded = cast(BinaryIO, _Bounded(file))
    dataset = dcmread(bounded, defer_size=ELEMENT_BYTES, stop_before_pixels=True, force=True)
    implicit, little_endian = (bool(flag) for flag in dataset.original_encoding)
    last = dataset.get_item(BaseTag(max(map(int, dataset.keys()), default=0)), keep_deferred=True)
    is_cut = isinstance(last, RawDataElement) and last.length != UNDEFINED and _ends_behind(last, _size(file))
    if any(int(tag) in wanted.known or tag.group in wanted.private_groups for tag in _deferred(dataset, _size(file))):
        raise LimitError(f"an element of more than {ELEMENT_BYTES >> 20} MB")
    data_set = _from_pydicom(dataset)
    if is_cut:
        data_set.elements.pop(int(last.tag), None)  # half a value would look like one
    pixels_at, is_truncated = _pixels(file, implicit, "<" if little_endian else ">")
    return ReadFile(
        meta=_from_pydicom(dataset.file_meta),
        data_set=data_set,
        has_preamble=dataset.preamble is not None,
        implicit=implicit,
        little_endian=little_endian,
        is_cut=is_cut,
        is_truncated=is_truncated,
        pixels_at=pixels_at,
    )


def _read_deflated(file: BinaryIO, wanted: Wanted) -> ReadFile:
    """Inflate what comes next (RFC 1951), as far as a header may go, and read that."""
    deflated = file.read(_READ_AHEAD)
    # Some old writers put a zlib header before it (RFC 1950).
    has_header = len(deflated) > 1 and deflated[0] == 0x78 and not (deflated[0] << 8 | deflated[1]) % 31
    inflater = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
    inflated = [PLAIN_START]
    left = INFLATED_BYTES
    while left and deflated and not inflater.eof:
        inflated.append(inflater.decompress(deflated, left))
        left -= len(inflated[-1])
        deflated = inflater.unconsumed_tail or file.read(_READ_AHEAD)
    plain = BytesIO(b"".join(inflated))
    read = read_file(plain, wanted)
    if not left and read.pixels_at is None:
        raise LimitError(f"more than {INFLATED_BYTES >> 20} MB inflated without pixels")
    if not left:
        read.is_truncated = False  # they go on, for all that is known
    elif not inflater.eof:
        read.is_truncated = True
    return read


def _deferred(dataset: Dataset, size: int) -> list[BaseTag]:
    """Return the tags of the elements that are larger than any that is kept, though all there."""
    elements = (dataset.get_item(tag, keep_deferred=True) for tag in dataset.keys())  # noqa: SIM118
    return [
        e.tag
        for e in elements
        if isinstance(e, RawDataElement) and e.value is None and e.length and not _ends_behind(e, size)
    ]


def _ends_behind(element: RawDataElement, size: int) -> bool:
    if element.value is None and element.length:  # deferred
        return element.value_tell + element.length > size
    return len(element.value or b"") < element.length


def _pixels(file: BinaryIO, implicit: bool, order: str) -> tuple[int | None, bool]:
    """Tell where the pixel data begin, which pydicom stopped before, and whether they are longer than the file."""
    at = file.tell()
    head = file.read(12)
    if len(head) < 8:
        return None, False
    group, number, code = Struct(f"{order}HH2s").unpack(head[:6])
    if not PIXELS <= group << 16 | number <= 0x7FE00010:
        return None, False
    place, size = (4, 8) if implicit else (8, 12) if code in _LONG else (0, 0)
    if len(head) < size:
        return at, True
    (length,) = Struct(f"{order}L").unpack_from(head, place)
    return at, bool(size and length != UNDEFINED and at + size + length > _size(file))


def _from_pydicom(dataset: Dataset) -> DataSet:
    elements = {}
    for tag in map(BaseTag, dataset.keys()):
        element = dataset.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement):
            if element.value is None and element.length:
                continue  # deferred
            elements[int(tag)] = Element(
                str(element.VR or ""), element.value or b"", element.is_little_endian, element.is_implicit_VR
            )
        elif element is not None and isinstance(element.value, Sequence):
            elements[int(tag)] = Element("SQ", b"", sequence=[_from_pydicom(item) for item in element.value])
        elif element is not None:
            value = element.value
            values = value if isinstance(value, MultiValue | list | tuple) else [] if value is None else [value]
            text = "\\".join(str(v) for v in values)
            elements[int(tag)] = Element(str(element.VR), b"", text=text)
    return DataSet(elements)
