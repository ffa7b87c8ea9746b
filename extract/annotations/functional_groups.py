"""The functional groups of a multi-frame object (PS3.3 C.7.6.16): where each frame lies and what it is of.

There may be tens of thousands of frames, so that the groups are walked as bytes.
"""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from extract.data_set import DataSet, Element, Wanted
from extract.header import element_text, encodings_of, item_code

_SHARED, PER_FRAME = 0x52009229, 0x52009230
FUNCTIONAL_GROUPS = Wanted(frozenset({_SHARED, PER_FRAME, 0x00080005}), frozenset())
_GROUPS = frozenset({0x0062000A, 0x00209113, 0x00209116, 0x00289110, 0x00089124, 0x00209071, 0x0048021A})


@dataclass(frozen=True)
class FrameGroups:
    """What the functional groups say of one frame (or of all): lengths in mm, `images` by SOPInstanceUID."""

    segment: int | None = None
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, ...] | None = None
    between: float | None = None
    thickness: float | None = None
    images: tuple[str, ...] | None = None
    site_code: str | None = None
    is_slide: bool | None = None


def frame_groups(data_set: DataSet) -> list[FrameGroups]:
    """Return what the functional groups say of each frame, the shared ones included.

    Without groups per frame, what is said of all is said of the only one.
    """
    reader = _GroupReader(encodings_of(data_set))
    shared = FrameGroups()
    for item in _items(data_set.get(_SHARED)):
        shared = replace(shared, **reader.read(item))
    return [replace(shared, **reader.read(item)) for item in _items(data_set.get(PER_FRAME))] or [shared]


def _items(element: Element | None) -> list[DataSet]:
    return element.items() if element else []


class _GroupReader:
    """Reads functional groups; frames repeat the bytes of most, which are read once."""

    def __init__(self, encodings: tuple[str, ...]) -> None:
        self.encodings = encodings
        self.known: dict[tuple[int, bytes], dict[str, Any]] = {}

    def read(self, item: DataSet) -> dict[str, Any]:
        """Return what the groups in one item say, by the fields of _Groups."""
        found: dict[str, Any] = {}
        for tag, group in item.elements.items():
            if tag not in _GROUPS:
                continue
            if group.sequence is not None:
                found |= self._group(tag, group)
                continue
            if (tag, group.value) not in self.known:
                self.known[tag, group.value] = self._group(tag, group)
            found |= self.known[tag, group.value]
        return found

    def _group(self, tag: int, group: Element) -> dict[str, Any]:
        says: dict[str, Any] = {}
        for item in group.items()[:1]:
            match tag:
                case 0x0062000A:  # SegmentIdentificationSequence
                    segment = self._numbers(item, 0x0062000B, 1)
                    says["segment"] = int(segment[0]) if segment else None
                case 0x00209113:  # PlanePositionSequence
                    says["position"] = self._numbers(item, 0x00200032, 3)
                case 0x00209116:  # PlaneOrientationSequence
                    says["orientation"] = self._numbers(item, 0x00200037, 6)
                case 0x00289110:  # PixelMeasuresSequence
                    between, thickness = (self._numbers(item, measure, 1) for measure in (0x00180088, 0x00180050))
                    says["spacing"] = self._numbers(item, 0x00280030, 2)
                    says["between"] = between[0] if between and between[0] > 0 else None
                    says["thickness"] = thickness[0] if thickness and thickness[0] > 0 else None
                case 0x00089124:  # DerivationImageSequence
                    derived = [source for each in group.items() for source in _items(each.get(0x00082112))]
                    uids = (self._text(source, 0x00081155) for source in derived)
                    says["images"] = tuple(dict.fromkeys(filter(None, uids))) or None
                case 0x00209071:  # FrameAnatomySequence
                    regions = _items(item.get(0x00082218))
                    says["site_code"] = next(filter(None, (item_code(r, self.encodings) for r in regions)), None)
                case 0x0048021A:  # PlanePositionSlideSequence
                    says["is_slide"] = True
        return {name: value for name, value in says.items() if value is not None}

    def _text(self, item: DataSet, tag: int) -> str:
        return element_text(item.get(tag), tag, "UN", self.encodings) or ""

    def _numbers(self, item: DataSet, tag: int, count: int) -> tuple[float, ...] | None:
        try:
            numbers = tuple(float(part) for part in self._text(item, tag).split("\\"))
        except ValueError:
            return None
        return numbers if len(numbers) == count and all(map(isfinite, numbers)) else None
