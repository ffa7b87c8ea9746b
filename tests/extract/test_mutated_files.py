"""No file, however damaged, stops a scan, tells a value, or gives rows that PostgreSQL refuses."""

import os
import struct
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import dicom, encoded, items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from extract import data_set, header
from extract.attributes import SEED, read_attribute_list
from extract.header import Header, IgnoredFileError, RejectedFileError, read_open_file
from extract.identifiers import Identifiers

ATTRIBUTES = read_attribute_list(Path(__file__).parents[2] / SEED)
IDENTIFIERS = Identifiers(b"key of the tests")
WHEEL = sorted(path for path in (Path(pydicom.__path__[0]) / "data").rglob("*") if path.is_file())
SECRETS = ("Synthetica", "Testina", "SYN-00417", "ACC5521", "19610203")
MOST = 20_000  # bytes of a file: more are pixels, as a rule


def _synthetic() -> list[bytes]:
    frames = items(*({"CTExposureSequence": items({"XRayTubeCurrentInmA": 100.0 + n})} for n in range(3)))
    made = []
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ):
        for undefined in (False, True):
            dataset = dicom(
                syntax,
                SpecificCharacterSet="ISO_IR 192",
                PatientName="Synthetica^Testina",
                PatientID="SYN-00417",
                AccessionNumber="ACC5521",
                PatientBirthDate="19610203",
                SeriesDescription="흉부 Testina",
                InstanceCreationDate="20120304",
                InstanceCreationTime="101530.25",
                InstanceNumber="7",
                NumberOfFrames="3",
                ImagePositionPatient=["1", "2", "3"],
                PerFrameFunctionalGroupsSequence=frames,
                RequestAttributesSequence=items({"AccessionNumber": "REQ-9901"}),
                AnatomicRegionSequence=items({"CodeValue": "T-D3000", "CodingSchemeDesignator": "SRT"}),
                PixelData=bytes(64),
            )
            dataset["PixelData"].VR = "OW"
            for keyword in ("PerFrameFunctionalGroupsSequence", "RequestAttributesSequence"):
                dataset[keyword].is_undefined_length = undefined
            made.append(encoded(dataset))
    return made


SOURCES = [*_synthetic(), *(path.read_bytes()[:MOST] for path in WHEEL if path.stat().st_size > 200)]
TELLING = [
    *(struct.pack("<L", length) for length in (0, 1, 7, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)),
    *(code + b"\0\0" for code in b"SQ UN OB UT PN DS IS US AT FD UI CS ZZ".split()),
    *(struct.pack("<HHL", 0xFFFE, number, 0) for number in (0xE000, 0xE00D, 0xE0DD)),
    struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF),
    b"\x1b$)C",
    b"\xed\xa0\x80",
    b"\\",
    b"9" * 20,
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SOURCES)))
    for _ in range(draw(st.integers(1, 4))):
        # Most headers begin with what decides their reading.
        last = max(len(content) - 1, 0)
        at = min(draw(st.one_of(st.integers(128, 1500), st.integers(0, MOST))), last)
        span = draw(st.integers(1, 64))
        match draw(st.sampled_from(["flip", "cut", "insert", "delete", "duplicate", "telling", "splice"])):
            case "flip":
                content[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=32))
            case "delete":
                del content[at : at + span]
            case "duplicate":
                content[at:at] = content[at : at + span]
            case "telling":
                telling = draw(st.sampled_from(TELLING))
                content[at : at + len(telling)] = telling
            case _:
                other = draw(st.sampled_from(SOURCES))
                content[at:] = other[min(draw(st.integers(0, MOST)), len(other)) :]
    return bytes(content)


def storable(value: object) -> bool:
    """Whether PostgreSQL takes a value: no NUL or lone surrogate in text, bigint, a timestamp of its range."""
    match value:
        case None | bool():
            return True
        case str():
            return "\0" not in value and value.encode("utf-8", "replace").decode() == value
        case int():
            return -(2**63) <= value < 2**63
        case datetime():
            return value.tzinfo is None
        case dict():
            return all(storable(part) for pair in value.items() for part in pair)
        case list() | tuple():
            return all(map(storable, value))
    return False


def check(content: bytes) -> str:
    """Read bytes and hold the outcome against all that the scan relies on; return what became of them."""
    try:
        found = read_open_file(BytesIO(content), ATTRIBUTES, IDENTIFIERS)
    except (IgnoredFileError, RejectedFileError) as left_out:
        message = f"{left_out!r} {left_out.__cause__!r}"
        assert not any(secret in message for secret in SECRETS)
        assert all(map(storable, left_out.args))
        return type(left_out).__name__
    assert all(storable(getattr(found, name)) for name in Header.__slots__), found
    try:
        walked = data_set._walk_file(BytesIO(content), ATTRIBUTES.wanted)
    except data_set._DoubtError:
        return "read by pydicom"
    try:
        plain = data_set._read_with_pydicom(BytesIO(content), ATTRIBUTES.wanted)
    except Exception:
        return "read by the walk alone"  # pydicom raises on a broken character set, say
    assert header._header(walked, ATTRIBUTES, IDENTIFIERS) == header._header(plain, ATTRIBUTES, IDENTIFIERS)
    return "read by the walk"


@pytest.mark.filterwarnings("ignore")  # pydicom's, on broken files
@settings(
    max_examples=int(os.environ.get("MUTATIONS", "400")),
    deadline=5000,
    derandomize="MUTATIONS" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(mutated())
def test_a_mutated_file_is_read_or_left_out_and_what_is_read_is_storable(content: bytes) -> None:
    check(content)


def test_the_files_that_are_mutated_are_read() -> None:
    outcomes = [check(content) for content in SOURCES]
    assert outcomes.count("read by the walk") > 120
    assert outcomes.count("read by pydicom") > 10
    assert "read by the walk alone" not in outcomes
