"""Read the header of one DICOM file: from bytes to the values that the attribute seed lists.

Text stays DICOM's own: as written, without padding, several values separated by a backslash (PS3.5 6.2).
Present but empty is the empty string; absent is None.
"""

import errno
import logging
import re
import statistics
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path
from typing import BinaryIO

from pydicom.charset import CODES_TO_ENCODINGS, convert_encodings, decode_bytes, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.sr._snomed_dict import mapping as snomed_mapping
from pydicom.valuerep import TEXT_VR_DELIMS

from extract.archive import REASON as ARCHIVE_REASON
from extract.archive import SIGNATURES
from extract.attributes import FRAMES, IDENTIFYING, NAMING_SEQUENCES, PERSON_CODES, Attribute, AttributeList, Step
from extract.data_set import PERSON_NAMES, DataSet, Element, ReadFile, Wanted, read_file
from extract.identifiers import Identifiers
from extract.limits import LimitError, cpu_limit
from extract.masking import EQUIPMENT_WORDS, Kind, masked, masking

# pydicom's messages quote values, so none of them may reach a log.
logging.getLogger("pydicom").disabled = True

# Latin 9, which pydicom does not know yet (PS3.3 C.12.1.1.2).
python_encoding.update({"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"})
CODES_TO_ENCODINGS[b"\x1b-b"] = "iso8859_15"

DICOMDIR = "1.2.840.10008.1.3.10"

# How one binary value is unpacked (PS3.5 table 6.2-1).
_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "HH"}
_BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ"}
_LATIN = ("iso8859",)
_WITHOUT_ESCAPE = ("euc_kr", "iso_ir_58")
_ESCAPE = re.compile("\x1b[$]?[()-][A-Za-z]")  # what pydicom leaves of some sets' sequences (PS3.3 C.12.1.1.2)
_ONE_VALUE = {"LT", "ST", "UT", "UR"}  # a backslash is text there
_PERSON_CODE: dict[int, Kind] = {0x00080100: "id", 0x00080119: "id", 0x00080104: "name"}
_DIGITS_AND_SIGNS = re.compile(r"[0-9+\-.,:eE\\]*")  # what numbers, dates, times and UIDs are written with
_IDENTIFYING_TAGS = frozenset(IDENTIFYING) | NAMING_SEQUENCES | {0x00080005}
_CHARACTER_SET = {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}


class IgnoredFileError(Exception):
    """The file is no DICOM instance; the argument is the reason."""


class RejectedFileError(Exception):
    """The file should be a DICOM instance and cannot be taken; the arguments are reason and detail."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of one file. `attributes` is keyed by the published name, `instance_values` in seed order."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str | None
    transfer_syntax_uid: str | None
    patient_key: str | None
    patient_issuer_key: str | None
    accession_keys: tuple[str | None, ...]
    instance_number: int | None
    number_of_frames: int | None
    instance_creation: datetime | None
    image_position_patient: str | None
    attributes: dict[str, str]
    instance_values: list[str | None]
    values_masked: int
    is_truncated: bool = False  # the file ends within its pixels, or within its header behind what is kept here


def read_header(path: Path, attributes: AttributeList, identifiers: Identifiers) -> Header:
    """Read the header of one file; see read_open_file."""
    with path.open("rb") as file:
        return read_open_file(file, attributes, identifiers)


def read_open_file(file: BinaryIO, attributes: AttributeList, identifiers: Identifiers) -> Header:
    """Read a header from the start of a file, up to the pixel data.

    Raises IgnoredFileError (not DICOM, a DICOMDIR, or a zip archive), RejectedFileError (DICOM that cannot be taken)
    and OSError (the file cannot be read). No message holds a value of the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = file.read(132)
        file.seek(0)
        if start[:4] in SIGNATURES:
            raise IgnoredFileError(ARCHIVE_REASON)
        if not _looks_like_dicom(start):
            raise IgnoredFileError("not DICOM")
        try:
            with cpu_limit():
                return _header(read_file(file, attributes.wanted), attributes, identifiers)
        except (IgnoredFileError, RejectedFileError):
            raise
        except LimitError as error:
            raise RejectedFileError("header exceeds a limit", str(error)) from None
        except MemoryError:
            raise RejectedFileError("header exceeds a limit", "more memory than there is") from None
        except Exception as error:
            # Bytes that are no valid data set raise almost anything; an OSError of the system's has a number, and
            # EINVAL means that a length led outside the file.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise RejectedFileError("header cannot be parsed", type(error).__name__) from None


def identifying_texts(file: BinaryIO) -> tuple[tuple[Kind, str], ...]:
    """Return what identifies the patient or another person in a DICOM file, to be masked in texts read elsewhere.

    Raises LimitError, and whatever pydicom raises on bytes that are no data set.
    """
    with warnings.catch_warnings(), cpu_limit():
        warnings.simplefilter("ignore")
        data_set = read_file(file, Wanted(_IDENTIFYING_TAGS, frozenset())).data_set
        return tuple(_identifying_texts(data_set, encodings_of(data_set)))


def _looks_like_dicom(start: bytes) -> bool:
    if start[128:] == b"DICM":
        return True
    # Files of old archives lack preamble and prefix: they begin with an element of group 0002 or 0008
    # (PS3.10 7.1 came later), with a length that fits its kind.
    if len(start) < 8:
        return False
    for order in "<>":
        group, element, code, short_length = struct.unpack(f"{order}HH2sH", start[:8])
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if re.fullmatch(b"[A-Z]{2}", code):
            return bool(code == b"OB" or short_length <= 256)
        (length,) = struct.unpack(f"{order}L", start[4:8])
        return bool(length <= 256)
    return False


def _header(read: ReadFile, attributes: AttributeList, identifiers: Identifiers) -> Header:
    # No tag of the meta information (group 0002) is one of the data set: together they are looked up in one place.
    values = _Values(DataSet({**read.meta.elements, **read.data_set.elements}))
    sop_class = values.of(0x00080016) or values.of(0x00020002) or None
    if sop_class == DICOMDIR or read.data_set.get(0x00041220):
        raise IgnoredFileError("DICOMDIR")
    uids = {
        "StudyInstanceUID": values.of(0x0020000D),
        "SeriesInstanceUID": values.of(0x0020000E),
        "SOPInstanceUID": values.of(0x00080018) or values.of(0x00020003),
    }
    missing = [keyword for keyword, uid in uids.items() if not uid]
    if len(missing) == 3 and sop_class is None and not read.has_preamble and not read.meta.elements:
        raise IgnoredFileError("not DICOM")
    if missing and read.is_cut:
        raise RejectedFileError("header cannot be parsed", "the file ends within it")
    if missing:
        raise RejectedFileError("identifying UID missing", ", ".join(missing))

    identifying = tuple(_identifying_texts(read.data_set, values.encodings))
    in_free_text = masking(identifying, identifiers.terms)
    elsewhere = masking(identifying, _with_equipment(identifiers.terms)) if in_free_text else None
    masked_values = 0

    def publishable(attribute: Attribute) -> str | None:
        nonlocal masked_values
        value = values.attribute(attribute)
        rule = in_free_text if attribute.mask else elsewhere
        if value and rule and (attribute.is_text or not _DIGITS_AND_SIGNS.fullmatch(value)):
            value, count = masked(rule, value)
            masked_values += count
        return value

    position = values.of(0x00200032)
    header_values = {attribute.key: publishable(attribute) for attribute in attributes.of_header}
    patient_id, issuer = values.of(0x00100020) or "", values.of(0x00100021) or ""
    accessions = [values.of(0x00080050), *values.along((Step(0x00400275, "SQ", 0), Step(0x00080050, "SH")))]
    return Header(
        study_instance_uid=str(uids["StudyInstanceUID"]),
        series_instance_uid=str(uids["SeriesInstanceUID"]),
        sop_instance_uid=str(uids["SOPInstanceUID"]),
        sop_class_uid=sop_class,
        transfer_syntax_uid=values.of(0x00020010) or _transfer_syntax(read),
        patient_key=identifiers.patient_key(patient_id),
        patient_issuer_key=identifiers.patient_issuer_key(patient_id, issuer),
        accession_keys=_accession_keys([identifiers.accession_key(a or "") for a in accessions]),
        instance_number=_integer(values.of(0x00200013)),
        number_of_frames=_integer(values.of(0x00280008), limit=2**31),
        instance_creation=timestamp(values.of(0x00080012), values.of(0x00080013)),
        image_position_patient=position if position and _DIGITS_AND_SIGNS.fullmatch(position) else None,
        attributes={key: value for key, value in header_values.items() if value is not None},
        instance_values=[publishable(attribute) for attribute in attributes.of_instance],
        values_masked=masked_values,
        is_truncated=read.is_truncated or read.is_cut,
    )


@lru_cache
def _with_equipment(terms: frozenset[str]) -> frozenset[str]:
    return terms | EQUIPMENT_WORDS


def _accession_keys(keys: list[str | None]) -> tuple[str | None, ...]:
    """Return the file's own accession, None where it has none, then those of its requests; empty without any."""
    different = tuple(dict.fromkeys([keys[0], *(key for key in keys[1:] if key)]))
    return different if any(different) else ()


def _transfer_syntax(read: ReadFile) -> str:
    # Without meta information the encoding was found by looking; big endian is always explicit.
    little = "1.2.840.10008.1.2" if read.implicit else "1.2.840.10008.1.2.1"
    return little if read.little_endian else "1.2.840.10008.1.2.2"


class _Values:
    """The values of one dataset as DICOM's own text."""

    def __init__(self, data_set: DataSet) -> None:
        self.data_set = data_set
        self.encodings = encodings_of(data_set)
        self.groups: dict[tuple[int, int], list[tuple[Element, int]]] = {}

    def of(self, tag: int) -> str | None:
        """Return the text of a top-level element, '' where it is empty, None where it is absent."""
        return element_text(self.data_set.get(tag), tag, "UN", self.encodings)

    def along(self, path: tuple[Step, ...]) -> list[str]:
        """Return the text of every element that the path reaches, in the order of the items."""
        step = path[0]
        if step.item is None and step.creator is None:  # most attributes: no need of the general way
            text = element_text(self.data_set.get(step.tag), step.tag, step.vr, self.encodings)
            return [] if text is None else [text]
        return list(_along(self.data_set, path, self.encodings))

    def attribute(self, attribute: Attribute) -> str | None:
        """Return an attribute's text from the first of its places that has one."""
        found: str | None = None
        for path in attribute.paths:
            if path[0].creator is None and path[0].tag not in self.data_set.elements:
                continue  # most places of most attributes: an absent sequence costs nothing
            if path[0].tag == FRAMES:
                found = self._over_frames(attribute, path) or found
            elif texts := _components(self.along(path), attribute.component):
                found = _joined(texts)
            if found:
                break
        return found

    def _over_frames(self, attribute: Attribute, path: tuple[Step, ...]) -> str | None:
        """Collapse the values of one instance's frames as the models collapse those of a series' instances."""
        step, rest = path[0], path[1:]
        counts: Counter[str] = Counter()
        for group, number in self._groups(step.item or 0, rest[0].tag):
            texts = list(_along(DataSet({rest[0].tag: group}), rest, self.encodings))
            for text in _components(texts, attribute.component):
                counts[text] += number
        return _collapsed(counts, attribute.aggregate) if counts else None

    def _groups(self, item: int, tag: int) -> list[tuple[Element, int]]:
        """Return the different contents of a functional group, each with the number of frames that have it."""
        if (item, tag) not in self.groups:
            frames = self.data_set.get(FRAMES)
            items = frames.items() if frames else []
            groups: list[Element] = []
            numbers: Counter[object] = Counter()
            for frame in items if item == 0 else items[item - 1 : item]:
                group = frame.get(tag)
                if group is not None:
                    # Most frames repeat the bytes of their functional groups: each content is read once.
                    content = (group.vr, group.value) if group.sequence is None else id(group)
                    if content not in numbers:
                        groups.append(group)
                    numbers[content] += 1
            self.groups[item, tag] = list(zip(groups, numbers.values(), strict=True))
        return self.groups[item, tag]


def _joined(texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return "\\".join(texts) if any(texts) else ""


def _along(data_set: DataSet, path: tuple[Step, ...], encodings: tuple[str, ...]) -> Iterator[str]:
    step, rest = path[0], path[1:]
    element = data_set.get(step.tag) if step.creator is None else _private_element(data_set, step.tag, step.creator)
    if element is None:
        return
    if step.item is None:
        text = element_text(element, step.tag, step.vr, encodings)
        if text is not None:
            yield text
        return
    items = element.items()
    if not items and not rest:
        yield ""
    for item in items if step.item == 0 else items[step.item - 1 : step.item]:
        item_encodings = encodings_of(item, encodings)
        if rest:
            yield from _along(item, rest, item_encodings)
        else:
            yield item_code(item, item_encodings)


def _private_element(data_set: DataSet, tag: int, creator: str) -> Element | None:
    # PS3.5 7.8.1: elements gggg,0010 to gggg,00FF name who reserved the block of that number.
    group = tag & 0xFFFF0000
    for reserving, element in data_set.elements.items():
        if group | 0x10 <= reserving <= group | 0xFF and element_text(element, reserving, "LO", _LATIN) == creator:
            return data_set.get(group | (reserving & 0xFF) << 8 | tag & 0xFF)
    return None


def encodings_of(data_set: DataSet, inherited: tuple[str, ...] = _LATIN) -> tuple[str, ...]:
    """Return the character sets of a data set (0008,0005), those around it where it states none."""
    element = data_set.get(0x00080005)
    if element is None:
        return inherited
    text = element_text(element, 0x00080005, "CS", inherited)
    return _python_encodings(text) if text else inherited


@lru_cache
def _python_encodings(text: str) -> tuple[str, ...]:
    return tuple(convert_encodings(text.split("\\")))


def element_text(element: Element | None, tag: int, vr: str, encodings: tuple[str, ...]) -> str | None:
    """Return an element's value as text; `vr` serves where the file states none. None also for bulk data."""
    if element is None:
        return None
    vr = _stated_vr(element, tag, vr)
    if element.text is not None:
        return None if vr in _BULK else _clean(element.text, vr)
    value = element.value
    if not value:
        return None if vr == "SQ" else ""
    if vr in _BINARY:
        return _numbers(value, vr, element.little_endian)
    if vr in _BULK:
        return None
    # A code word beyond ASCII is against the standard (PS3.5 6.1.2.2), and written in the file's character set.
    return _decoded(value, vr, encodings if vr in _CHARACTER_SET or not value.isascii() else _LATIN)


@lru_cache(maxsize=8192)  # the files of a series repeat each other
def _decoded(value: bytes, vr: str, encodings: tuple[str, ...]) -> str:
    if b"\x1b" in value:
        return _clean(_ESCAPE.sub("", decode_bytes(value, encodings, TEXT_VR_DELIMS)), vr)
    if len(encodings) == 2 and encodings[0] in _LATIN and encodings[1] in _WITHOUT_ESCAPE and not value.isascii():
        # The first set has ASCII alone: these bytes can only be of the second, whose escape sequence many leave out.
        with suppress(UnicodeDecodeError):
            return _clean(value.decode(encodings[1]), vr)
    return _clean(decode_bytes(value, encodings, TEXT_VR_DELIMS), vr)


def _stated_vr(element: Element, tag: int, fallback: str) -> str:
    if element.vr not in ("", "UN"):
        return element.vr
    return fallback if fallback != "UN" else _known_vr(tag)


@cache
def _known_vr(tag: int) -> str:
    try:
        known = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return known if len(known) == 2 else "US"


def _clean(text: str, vr: str) -> str:
    # PostgreSQL refuses NUL and lone surrogates.
    text = text.rstrip("\0 ").replace("\0", "").encode("utf-8", "replace").decode()
    if vr in _ONE_VALUE:
        return text.rstrip()
    return "\\".join(value.strip() for value in text.split("\\"))


def _numbers(value: bytes, vr: str, little_endian: bool) -> str:
    code = ("<" if little_endian else ">") + _BINARY[vr]
    size = struct.calcsize(code)
    values = [struct.unpack_from(code, value, at) for at in range(0, len(value) - size + 1, size)]
    if vr == "AT":
        return "\\".join(f"{group:04X}{element:04X}" for group, element in values)
    return "\\".join(repr(number) for (number,) in values)


def item_code(item: DataSet, encodings: tuple[str, ...]) -> str:
    """Return an item's coded concept (PS3.3 8.8)."""

    def text(tag: int) -> str:
        return element_text(item.get(tag), tag, "UN", encodings) or ""

    value = text(0x00080100) or text(0x00080119) or text(0x00080120)
    return coded_concept(value, text(0x00080102), text(0x00080104))


def coded_concept(value: str, scheme: str, meaning: str) -> str:
    """Return `value^scheme^meaning`, retired SNOMED-RT codes as SCT (PS3.16 annex O); '' without value and meaning."""
    if scheme in ("SRT", "SNM3", "99SDM") and value in snomed_mapping["SRT"]:
        value, scheme = snomed_mapping["SRT"][value], "SCT"
    return f"{value}^{scheme}^{meaning}" if value or meaning else ""


def _components(texts: list[str], component: int | None) -> list[str]:
    """Return the one value of each text that is asked for; an empty text stays empty, a missing value is left out."""
    if component is None:
        return texts
    values = [text.split("\\") for text in texts]
    return [
        parts[component - 1] if parts != [""] else "" for parts in values if parts == [""] or component <= len(parts)
    ]


def _collapsed(counts: Counter[str], aggregate: str) -> str:
    filled = Counter({text: count for text, count in counts.items() if text})
    if not filled:
        return ""
    if aggregate == "distinct":
        return "\\".join(sorted({part for text in filled for part in text.split("\\")}))
    if aggregate != "mode":
        numbered = sorted((number, text) for text in filled if (number := _number(text)) is not None)
        if numbered and aggregate == "median":
            return statistics.median_low([pair for pair in numbered for _ in range(filled[pair[1]])])[1]
        if numbered:
            return min(numbered)[1] if aggregate == "min" else max(numbered)[1]
    most = max(filled.values())
    return min(text for text, count in filled.items() if count == most)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.split("\\")[0])
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _integer(text: str | None, limit: int = 2**63) -> int | None:
    number = _number(text or "")
    if number is None or not -limit < number < limit or number != number.to_integral_value():
        return None
    return int(number)


@lru_cache
def timestamp(date: str | None, time: str | None) -> datetime | None:
    """Return the local time of a date and a time as DICOM writes them (DA and TM, PS3.5 6.2), None without a date."""
    digits = (date or "").replace(".", "")
    clock = (time or "").replace(":", "")
    if not re.fullmatch("[0-9]{8}", digits) or not re.fullmatch(r"[0-9]{0,6}(\.[0-9]*)?", clock):
        return None
    whole, _, fraction = clock.partition(".")
    whole = whole.ljust(6, "0")
    try:
        return datetime(
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:]),
            int(whole[:2]),
            int(whole[2:4]),
            int(whole[4:]),
            int(fraction[:6].ljust(6, "0")),
        )
    except ValueError:
        return None


def _identifying_texts(
    data_set: DataSet, encodings: tuple[str, ...], tags: Mapping[int, Kind] = IDENTIFYING
) -> Iterator[tuple[Kind, str]]:
    """Yield what identifies the patient or another person, to be masked in the file's own text."""
    for tag, element in data_set.elements.items():
        kind = tags.get(tag)
        if kind is None and (element.vr == "PN" or (element.vr in ("", "UN") and tag in PERSON_NAMES)):
            kind = "name"
        if kind:
            if text := element_text(element, tag, "UN", encodings):
                yield kind, text
        elif tag in NAMING_SEQUENCES:
            inner = _PERSON_CODE if tag == PERSON_CODES else IDENTIFYING
            for item in element.items():
                yield from _identifying_texts(item, encodings_of(item, encodings), inner)
