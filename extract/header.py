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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, FileDataset, dcmread
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.sr._snomed_dict import mapping as snomed_mapping
from pydicom.tag import BaseTag
from pydicom.valuerep import TEXT_VR_DELIMS

from extract.attributes import FRAMES, Attribute, AttributeList, Step
from extract.identifiers import MASK, Identifiers, masking_pattern

# pydicom's messages quote values, so none of them may reach a log.
logging.getLogger("pydicom").disabled = True

DICOMDIR = "1.2.840.10008.1.3.10"

# How one binary value is unpacked (PS3.5 table 6.2-1).
_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "HH"}
_BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ"}
_ONE_VALUE = {"LT", "ST", "UT", "UR"}  # a backslash is text there
_CHARACTER_SET = {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}

# Read in memory to mask them in the file's own free text, never stored.
_IDENTIFYING = {0x00100020, 0x00101000, 0x00080050, 0x00100030}  # PatientID, OtherPatientIDs, accession, birth date
# Sequences whose items name more of them: OtherPatientIDs, RequestAttributes, VerifyingObserver, AuthorObserver.
_PEOPLE = (0x00101002, 0x00400275, 0x0040A073, 0x0040A078)


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
    accession_keys: tuple[str, ...]
    instance_number: int | None
    number_of_frames: int | None
    instance_creation: datetime | None
    image_position_patient: str | None
    attributes: dict[str, str]
    instance_values: list[str | None]
    values_masked: int


def read_header(path: Path, attributes: AttributeList, identifiers: Identifiers) -> Header:
    """Read the header of one file, up to the pixel data.

    Raises IgnoredFileError (not DICOM, or a DICOMDIR), RejectedFileError (DICOM that cannot be taken) and
    OSError (the file cannot be read). No message holds a value of the file.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not _looks_like_dicom(file):
            raise IgnoredFileError("not DICOM")
        try:
            dataset = dcmread(file, stop_before_pixels=True, force=True)
            return _header(dataset, attributes, identifiers)
        except (IgnoredFileError, RejectedFileError):
            raise
        except Exception as error:
            # Bytes that are no valid data set raise almost anything; an OSError of the system's has a number, and
            # EINVAL means that a length led outside the file.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise RejectedFileError("header cannot be parsed", type(error).__name__) from None


def _looks_like_dicom(file: BinaryIO) -> bool:
    start = file.read(132)
    file.seek(0)
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


def _header(dataset: FileDataset, attributes: AttributeList, identifiers: Identifiers) -> Header:
    values = _Values(dataset)
    meta = _Values(dataset.file_meta)
    sop_class = values.of(0x00080016) or meta.of(0x00020002) or None
    if sop_class == DICOMDIR or 0x00041220 in dataset:
        raise IgnoredFileError("DICOMDIR")
    uids = {
        "StudyInstanceUID": values.of(0x0020000D),
        "SeriesInstanceUID": values.of(0x0020000E),
        "SOPInstanceUID": values.of(0x00080018) or meta.of(0x00020003),
    }
    missing = [keyword for keyword, uid in uids.items() if not uid]
    if len(missing) == 3 and sop_class is None and dataset.preamble is None and not dataset.file_meta:
        raise IgnoredFileError("not DICOM")
    if _is_cut(dataset):
        raise RejectedFileError("header cannot be parsed", "the file ends within it")
    if missing:
        raise RejectedFileError("identifying UID missing", ", ".join(missing))

    pattern = masking_pattern(_identifying_texts(dataset, values.encodings))
    masked = 0

    def publishable(attribute: Attribute) -> str | None:
        nonlocal masked
        value = values.attribute(attribute)
        if value and attribute.mask and pattern:
            value, count = pattern.subn(MASK, value)
            masked += count
        return value

    header_values = {attribute.key: publishable(attribute) for attribute in attributes.of_header}
    accessions = [values.of(0x00080050), *values.along((Step(0x00400275, "SQ", 0), Step(0x00080050, "SH")))]
    return Header(
        study_instance_uid=str(uids["StudyInstanceUID"]),
        series_instance_uid=str(uids["SeriesInstanceUID"]),
        sop_instance_uid=str(uids["SOPInstanceUID"]),
        sop_class_uid=sop_class,
        transfer_syntax_uid=_transfer_syntax(dataset, meta),
        patient_key=identifiers.patient_key(values.of(0x00100020) or ""),
        accession_keys=tuple(dict.fromkeys(k for a in accessions if a and (k := identifiers.accession_key(a)))),
        instance_number=_integer(values.of(0x00200013)),
        number_of_frames=_integer(values.of(0x00280008), limit=2**31),
        instance_creation=_timestamp(values.of(0x00080012), values.of(0x00080013)),
        image_position_patient=values.of(0x00200032) or None,
        attributes={key: value for key, value in header_values.items() if value is not None},
        instance_values=[publishable(attribute) for attribute in attributes.of_instance],
        values_masked=masked,
    )


def _is_cut(dataset: Dataset) -> bool:
    """Tell whether the file ends within its last element, as one that is still being copied does."""
    last = dataset.get_item(BaseTag(max(map(int, dataset.keys()), default=0)), keep_deferred=True)
    return isinstance(last, RawDataElement) and last.length != 0xFFFFFFFF and len(last.value or b"") < last.length


def _transfer_syntax(dataset: Dataset, meta: "_Values") -> str | None:
    if uid := meta.of(0x00020010):
        return uid
    # Without meta information the encoding was found by looking; big endian is always explicit.
    implicit, little = dataset.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


class _Values:
    """The values of one dataset as DICOM's own text."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.encodings = _encodings(dataset, ["iso8859"])

    def of(self, tag: int) -> str | None:
        """Return the text of a top-level element, '' where it is empty, None where it is absent."""
        return _text(_element(self.dataset, tag), "UN", self.encodings)

    def along(self, path: tuple[Step, ...]) -> list[str]:
        """Return the text of every element that the path reaches, in the order of the items."""
        return list(_along(self.dataset, path, self.encodings))

    def attribute(self, attribute: Attribute) -> str | None:
        """Return an attribute's text from the first of its places that has one."""
        found: str | None = None
        for path in attribute.paths:
            texts = self.along(path)
            if attribute.component is not None:
                texts = [c for text in texts if (c := _component(text, attribute.component)) is not None]
            if texts:
                in_frames = path[0].tag == FRAMES
                found = _over_frames(texts, attribute.aggregate) if in_frames else _joined(texts)
            if found:
                break
        return found


def _joined(texts: list[str]) -> str:
    return "\\".join(texts) if any(texts) else ""


def _along(dataset: Dataset, path: tuple[Step, ...], encodings: list[str]) -> Iterator[str]:
    step, rest = path[0], path[1:]
    element = _element(dataset, step.tag, step.creator)
    if element is None:
        return
    if step.item is None:
        text = _text(element, step.vr, encodings)
        if text is not None:
            yield text
        return
    items = _items(dataset, element)
    if not items and not rest:
        yield ""
    for item in items if step.item == 0 else items[step.item - 1 : step.item]:
        item_encodings = _encodings(item, encodings)
        if rest:
            yield from _along(item, rest, item_encodings)
        else:
            yield _code(item, item_encodings)


def _element(dataset: Dataset, tag: int, creator: str | None = None) -> DataElement | RawDataElement | None:
    if creator is not None:
        block = _private_block(dataset, tag >> 16, creator)
        if block is None:
            return None
        tag = (tag & 0xFFFF0000) | block << 8 | (tag & 0xFF)
    return dataset.get_item(BaseTag(tag), keep_deferred=True)


def _private_block(dataset: Dataset, group: int, creator: str) -> int | None:
    # PS3.5 7.8.1: elements gggg,0010 to gggg,00FF name who reserved the block of that number.
    for block in range(0x10, 0x100):
        element = dataset.get_item(BaseTag(group << 16 | block), keep_deferred=True)
        if element is not None and _text(element, "LO", ["iso8859"]) == creator:
            return block
    return None


def _items(dataset: Dataset, element: DataElement | RawDataElement) -> list[Dataset]:
    value = dataset[element.tag].value
    return list(value) if isinstance(value, Sequence) else []


def _encodings(dataset: Dataset, inherited: list[str]) -> list[str]:
    element = dataset.get_item(BaseTag(0x00080005), keep_deferred=True)
    if element is None or not element.value:
        return inherited
    text = _text(element, "CS", inherited) or ""
    return convert_encodings(text.split("\\"))


def _text(element: DataElement | RawDataElement | None, vr: str, encodings: list[str]) -> str | None:
    """Return an element's value as text; `vr` serves where the file states none. None also for bulk data."""
    if element is None:
        return None
    if not isinstance(element, RawDataElement):
        return _converted(element)
    vr = _stated_vr(element, vr)
    value = element.value
    if not value:
        return None if vr == "SQ" else ""
    if vr in _BINARY:
        return _numbers(value, vr, element.is_little_endian)
    if vr in _BULK:
        return None
    text = decode_bytes(value, encodings if vr in _CHARACTER_SET else ["iso8859"], TEXT_VR_DELIMS)
    return _clean(text, vr)


def _stated_vr(element: RawDataElement, fallback: str) -> str:
    vr = element.VR
    if vr is not None and vr != "UN":
        return str(vr)
    if fallback != "UN":
        return fallback
    try:
        known = dictionary_VR(element.tag)
    except KeyError:
        return "UN"
    return known if len(known) == 2 else "US"


def _converted(element: DataElement) -> str | None:
    if element.VR in _BULK:
        return None
    value = element.value
    values = value if isinstance(value, MultiValue | list | tuple) else [] if value is None else [value]
    return _clean("\\".join(str(v) for v in values), str(element.VR))


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


def _code(item: Dataset, encodings: list[str]) -> str:
    """Return a coded concept as `value^scheme^meaning` (PS3.3 8.8), retired SNOMED-RT codes as SCT (PS3.16 annex O)."""

    def text(tag: int) -> str:
        return _text(_element(item, tag), "UN", encodings) or ""

    value = text(0x00080100) or text(0x00080119) or text(0x00080120)
    scheme, meaning = text(0x00080102), text(0x00080104)
    if scheme in ("SRT", "SNM3", "99SDM") and value in snomed_mapping["SRT"]:
        value, scheme = snomed_mapping["SRT"][value], "SCT"
    return f"{value}^{scheme}^{meaning}" if value or meaning else ""


def _component(text: str, component: int) -> str | None:
    if not text:
        return ""
    values = text.split("\\")
    return values[component - 1] if component <= len(values) else None


def _over_frames(texts: list[str], aggregate: str) -> str:
    """Collapse the values of one instance's frames as the models collapse those of a series' instances."""
    filled = [text for text in texts if text]
    if not filled:
        return ""
    if aggregate == "distinct":
        return "\\".join(sorted(set(filled)))
    if aggregate != "mode":
        numbered = sorted((number, text) for text in filled if (number := _number(text)) is not None)
        if numbered:
            choose: dict[str, Callable[[list[tuple[Decimal, str]]], tuple[Decimal, str]]]
            choose = {"min": min, "max": max, "median": statistics.median_low}
            return choose[aggregate](numbered)[1]
    counts = Counter(filled)
    most = max(counts.values())
    return min(text for text, count in counts.items() if count == most)


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


def _timestamp(date: str | None, time: str | None) -> datetime | None:
    digits = re.sub(r"[.]", "", date or "")
    clock = re.sub(r":", "", time or "")
    whole, _, fraction = clock.partition(".")
    if not re.fullmatch("[0-9]{8}", digits) or not re.fullmatch("[0-9]{0,6}", whole):
        return None
    try:
        return datetime.strptime(f"{digits}{whole.ljust(6, '0')}{fraction[:6] or '0'}", "%Y%m%d%H%M%S%f")
    except ValueError:
        return None


def _identifying_texts(dataset: Dataset, encodings: list[str]) -> Iterator[str]:
    """Yield the file's person names, patient ids, accession numbers and birth date, to be masked in its own text."""
    for element in dataset.values():
        if element.tag in _IDENTIFYING or _is_person_name(element):
            yield _text(element, "UN", encodings) or ""
    for tag in _PEOPLE:
        sequence = _element(dataset, tag)
        for item in _items(dataset, sequence) if sequence is not None else ():
            yield from _identifying_texts(item, _encodings(item, encodings))


def _is_person_name(element: DataElement | RawDataElement) -> bool:
    if element.VR is not None and element.VR != "UN":
        return str(element.VR) == "PN"
    try:
        return dictionary_VR(element.tag) == "PN"
    except KeyError:
        return False
