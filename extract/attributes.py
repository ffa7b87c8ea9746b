"""The attribute list: which DICOM attributes are taken, from where, as `dicom_attribute.csv` says.

The seed is shared with the dbt models; its columns are described in `seeds/vocabulary/_vocabulary__seeds.yml`.
"""

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.datadict import dictionary_VR, keyword_for_tag, private_dictionary_VR, tag_for_keyword
from pydicom.valuerep import VR

from extract.data_set import Wanted
from extract.masking import Kind

SEED = Path("seeds/vocabulary/dicom_attribute.csv")

# Raised by one when the reading of values changes, so that archives scanned before are read again.
READING_VERSION = 2

# The columns that decide what is read; the staging model stg_dicom__header_layouts hashes the same ones.
FINGERPRINT_COLUMNS = (
    "name",
    "tag",
    "vr",
    "level",
    "path",
    "also_from",
    "component",
    "aggregate",
    "privacy_action",
)

KINDS = ("number", "text", "code")
LEVELS = ("study", "series", "instance")
AGGREGATES = ("mode", "min", "max", "median", "distinct")
PRIVACY_ACTIONS = ("keep", "mask")
_WRITTEN_IN_DIGITS = {"AT", "DA", "DS", "DT", "FD", "FL", "IS", "SL", "SS", "SV", "TM", "UI", "UL", "US", "UV"}
FRAMES = 0x52009230  # PerFrameFunctionalGroupsSequence: the items are the frames of one instance

# What the models need beside the seed's attributes: character set, DICOMDIR, class and instance, creation, issuer of
# the patient's id, study and series, number, position, frames.
_MODEL_NEEDS = {
    0x00080005,
    0x00041220,
    0x00080016,
    0x00080018,
    0x00080012,
    0x00080013,
    0x00100021,
    0x0020000D,
    0x0020000E,
    0x00200013,
    0x00200032,
    0x00280008,
}
# Read in memory to mask them in the file's own free text, never stored and not to be had by a row of the seed. Every
# person name is read with them.
IDENTIFYING: dict[int, Kind] = {
    0x00100020: "id",  # PatientID
    0x00101000: "id",  # OtherPatientIDs
    0x00101090: "id",  # MedicalRecordLocator
    0x00080050: "id",  # AccessionNumber
    0x00380010: "id",  # AdmissionID
    0x00380060: "id",  # ServiceEpisodeID
    0x00200010: "order id",  # StudyID
    0x00401001: "order id",  # RequestedProcedureID
    0x00400009: "order id",  # ScheduledProcedureStepID
    0x00400253: "order id",  # PerformedProcedureStepID
    0x00402016: "order id",  # PlacerOrderNumberImagingServiceRequest
    0x00402017: "order id",  # FillerOrderNumberImagingServiceRequest
    0x00100030: "date",  # PatientBirthDate
    0x00100033: "date",  # PatientBirthDateInAlternativeCalendar
    0x00102154: "telephone",  # PatientTelephoneNumbers
    0x00102155: "telephone",  # PatientTelecomInformation
    0x00080094: "telephone",  # ReferringPhysicianTelephoneNumbers
    0x00401103: "telephone",  # PersonTelephoneNumbers
    0x00101040: "address",  # PatientAddress
    0x00080092: "address",  # ReferringPhysicianAddress
    0x00401102: "address",  # PersonAddress
}
# Refused beside these: PatientBirthTime, PatientDeathDateInAlternativeCalendar, PatientInsurancePlanCodeSequence.
NEVER_TAKEN = frozenset(IDENTIFYING) | {0x00100032, 0x00100034, 0x00100050}
PERSON_CODES = 0x00401101  # PersonIdentificationCodeSequence: a person's own code, and the name as its meaning
# The sequences whose items name more: OtherPatientIDs, RequestAttributes and ReferencedRequest, VerifyingObserver and
# AuthorObserver, the identification of physicians and operators, and OriginalAttributes, which keep former values.
NAMING_SEQUENCES = frozenset(
    [
        0x00101002,
        0x00400275,
        0x0040A370,
        0x0040A073,
        0x0040A078,
        0x00080096,
        0x00081049,
        0x00081052,
        0x00081062,
        0x00081072,
        0x00321031,
        PERSON_CODES,
        0x04000561,
        0x04000550,
    ]
)

_STEP = re.compile(
    r"""(?P<name>[0-9A-Fa-f]{4}xx[0-9A-Fa-f]{2}\{(?P<creator>[^{}]+)\}|[A-Za-z][A-Za-z0-9]*|[0-9A-Fa-f]{8})
        (?:\[(?P<item>\*|[1-9][0-9]*)\])?""",
    re.VERBOSE,
)


class AttributeSeedError(ValueError):
    """A row of the attribute seed that cannot be understood; the message names file, line and remedy."""


@dataclass(frozen=True)
class Step:
    """One step of a path: an element, and for a sequence which of its items.

    `item` is None for an element's own value, 0 for all items, else the 1-based item. `creator` names the
    private block; then `tag` holds the group and the last two digits of the element (PS3.5 7.8).
    """

    tag: int
    vr: str
    item: int | None = None
    creator: str | None = None


@dataclass(frozen=True)
class Attribute:
    """One row of the seed: where one published value is found. `key` names it in the raw rows."""

    name: str
    level: str
    component: int | None
    aggregate: str
    mask: bool
    paths: tuple[tuple[Step, ...], ...]

    @property
    def key(self) -> str:
        """The published name: the keyword, with the component in brackets where there is one."""
        return self.name if self.component is None else f"{self.name}[{self.component}]"

    @cached_property
    def is_text(self) -> bool:
        """Whether the value is text, a code string, or a coded concept, rather than a number, a date or a UID."""
        return not _WRITTEN_IN_DIGITS.issuperset(path[-1].vr for path in self.paths)


@dataclass(frozen=True)
class AttributeList:
    """The rows of the seed that are read from files, and the fingerprint of what decides their reading."""

    attributes: tuple[Attribute, ...]
    fingerprint: str

    @cached_property
    def of_header(self) -> tuple[Attribute, ...]:
        """Attributes of level study and series: stored once per distinct header of a series."""
        return tuple(a for a in self.attributes if a.level != "instance")

    @cached_property
    def of_instance(self) -> tuple[Attribute, ...]:
        """Attributes that vary by nature within a series: stored with each instance, in this order."""
        return tuple(a for a in self.attributes if a.level == "instance")

    @cached_property
    def wanted(self) -> Wanted:
        """The top-level elements that a file is read for."""
        firsts = [path[0] for attribute in self.attributes for path in attribute.paths]
        tags = {step.tag for step in firsts if step.creator is None}
        return Wanted(
            tags=frozenset(tags.union(_MODEL_NEEDS, IDENTIFYING, NAMING_SEQUENCES)),
            private_groups=frozenset(step.tag >> 16 for step in firsts if step.creator is not None),
        )


def read_attribute_list(path: Path) -> AttributeList:
    """Read the attribute seed.

    Raises AttributeSeedError where a row cannot be understood, OSError where the file cannot be read.
    """
    rows = []
    attributes = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = [column for column in (*FINGERPRINT_COLUMNS, "kind") if column not in columns]
            if missing:
                raise AttributeSeedError(f"{path}: columns {', '.join(missing)} are missing; restore the header line")
            for row in reader:
                try:
                    if None in row or None in row.values():
                        raise ValueError(f"there are not {len(columns)} cells; quote a cell that holds a comma")
                    if row["tag"]:  # a row without a tag is derived by the models
                        attributes.append(_attribute(row))
                        rows.append(row)
                except ValueError as error:
                    place = f"{path}, line {reader.line_num}: attribute {row['name']!r}"
                    raise AttributeSeedError(f"{place}: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AttributeSeedError(f"{path}: {error}; save it as CSV in UTF-8") from error
    keys = [attribute.key for attribute in attributes]
    for key in keys:
        if keys.count(key) > 1:
            raise AttributeSeedError(f"{path}: attribute {key!r} stands twice; remove one row")
    return AttributeList(tuple(attributes), fingerprint(rows))


def fingerprint(rows: Sequence[dict[str, str]]) -> str:
    """Return 32 hex digits over the columns that decide what is read, whatever the order of the rows."""
    lines = sorted("|".join(row[column] for column in FINGERPRINT_COLUMNS) for row in rows)
    return hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()


def _check_dictionary(row: dict[str, str]) -> None:
    """Hold name, tag and VR against the standard's dictionary (PS3.6), and refuse what identifies a patient."""
    if row["vr"] not in {vr.value for vr in VR}:
        raise ValueError(f"vr is {row['vr']!r}, which is none (PS3.5 table 6.2-1)")
    if not re.fullmatch("[0-9A-F]{8}", row["tag"]):
        return  # a private tag, which no dictionary knows
    tag = int(row["tag"], 16)
    if keyword := keyword_for_tag(tag):
        if keyword != row["name"]:
            raise ValueError(f"tag {row['tag']} is {keyword}; write that name, or the tag of {row['name']}")
        if row["vr"] not in dictionary_VR(tag).split(" or "):
            raise ValueError(f"vr of {keyword} is {dictionary_VR(tag)}, not {row['vr']}")
    elif tag_for_keyword(row["name"]) is not None:
        raise ValueError(f"{row['name']} has another tag than {row['tag']}")


def _attribute(row: dict[str, str]) -> Attribute:
    for column in FINGERPRINT_COLUMNS:
        if row[column] != row[column].strip():
            raise ValueError(f"{column} is {row[column]!r}; remove the blanks around it")
    allowed_values = {"level": LEVELS, "kind": KINDS, "aggregate": AGGREGATES, "privacy_action": PRIVACY_ACTIONS}
    for column, allowed in allowed_values.items():
        if row[column] not in allowed:
            raise ValueError(f"{column} is {row[column]!r}; use one of {', '.join(allowed)}")
    _check_dictionary(row)
    if not re.fullmatch("[1-9][0-9]*|", row["component"]):
        raise ValueError(f"component is {row['component']!r}; use a number from 1, or leave it empty")
    texts = [row["path"] or row["tag"], *row["also_from"].split(";")]
    paths = tuple(parse_path(text.strip(), row["vr"]) for text in texts if text.strip())
    for path in paths:
        if path[-1].tag in NEVER_TAKEN or path[-1].vr == "PN":
            raise ValueError("it identifies a patient and is never taken; remove the row")
    return Attribute(
        name=row["name"],
        level=row["level"],
        component=int(row["component"]) if row["component"] else None,
        aggregate=row["aggregate"],
        mask=row["privacy_action"] == "mask",
        paths=paths,
    )


def parse_path(text: str, vr: str) -> tuple[Step, ...]:
    """Parse `Sequence[*].Keyword` into steps; `vr` is the last step's where the standard knows none.

    Raises ValueError naming the step that is no keyword of the standard, no tag and no private tag.
    """
    steps = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != "."):
            raise ValueError(
                f"path {text!r} cannot be read at {text[position:]!r}; give a keyword, the 8 hex digits of a tag or "
                "0019xx0C{CREATOR}, each followed by [1], [*] or nothing, with a dot between steps"
            )
        position = match.end() + 1
        tag = _tag(match["name"])
        item = None if match["item"] is None else 0 if match["item"] == "*" else int(match["item"])
        last = position > len(text)
        if item is None and not last:
            raise ValueError(f"path {text!r}: step {match[0]!r} is followed by another and needs [1] or [*]")
        steps.append(Step(tag, _vr(tag, "SQ" if not last else vr, match["creator"]), item, match["creator"]))
    if not steps:
        raise ValueError("neither tag nor path is given")
    return tuple(steps)


def _tag(name: str) -> int:
    if "xx" in name:
        return int(name[:4] + "00" + name[6:8], 16)
    tag = tag_for_keyword(name)
    if tag is None:
        if not re.fullmatch("[0-9A-Fa-f]{8}", name):
            raise ValueError(f"{name!r} is no keyword of the DICOM standard; give the 8-digit tag")
        tag = int(name, 16)
    return tag


def _vr(tag: int, fallback: str, creator: str | None) -> str:
    try:
        # pydicom lists private elements in the first block that a creator may reserve.
        vr = dictionary_VR(tag) if creator is None else private_dictionary_VR(tag | 0x1000, creator)
    except KeyError:
        return fallback
    return vr if len(vr) == 2 else fallback  # "US or SS": the seed says which
