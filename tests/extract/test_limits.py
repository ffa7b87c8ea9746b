"""Files that ask for more than any header needs: rejected with the limit they exceed, or read without paying it."""

import os
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from made_files import BESIDE_UIDS, dicom, encoded
from pydicom.uid import DeflatedExplicitVRLittleEndian

from extract.archive import Archive
from extract.header import Header, RejectedFileError, read_header, read_open_file
from extract.identifiers import Identifiers
from extract.limits import LimitError, cpu_limit
from extract.walk import FoundFile

PROJECT = Path(__file__).parents[2]
IDENTIFIERS = Identifiers(b"key of the tests")
FRAMES = 0x52009230
UNDEFINED = 0xFFFFFFFF
EMPTY_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def element(tag: int, vr: bytes, length: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length) + value


PLAIN = encoded(dicom(SeriesDescription="It"))
DATA_SET = PLAIN[PLAIN.index(b"\x08\x00\x16\x00") :]
PIXELS = element(0x7FE00010, b"OW", 1000, bytes(1000))


def deflated(data_set: bytes, zeros: int = 0, wbits: int = -15) -> bytes:
    whole = encoded(dicom(DeflatedExplicitVRLittleEndian))
    start = whole[: whole.index(b"1.2.840.10008.1.2.1.99") + 22]
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    parts = [start, packer.compress(data_set), *(packer.compress(bytes(1 << 20)) for _ in range(zeros >> 20))]
    return b"".join([*parts, packer.flush()])


def read(content: bytes) -> Header:
    return read_open_file(BytesIO(content), BESIDE_UIDS, IDENTIFIERS)


def test_processor_time_is_bounded_though_exceptions_are_swallowed_and_waiting_is_not() -> None:
    with pytest.raises(LimitError, match=r"more than 0\.05 s of processor time"), cpu_limit(0.05):
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue
    with cpu_limit(0.05):
        time.sleep(0.2)


def test_a_file_that_takes_too_long_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extract.header.cpu_limit", partial(cpu_limit, 0.02))
    with pytest.raises(RejectedFileError) as rejected:
        read(PLAIN + element(FRAMES, b"SQ", UNDEFINED, EMPTY_ITEM * 500_000 + SEQUENCE_END))
    assert rejected.value.args == ("header exceeds a limit", "more than 0.02 s of processor time")


def test_a_file_that_takes_too_much_memory_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(PLAIN)
    with path.open("ab") as file:
        file.write(element(FRAMES, b"SQ", 200 << 20))
        file.truncate(len(PLAIN) + 12 + (200 << 20))
    program = """if True:
        import resource, sys
        from pathlib import Path
        from extract.attributes import SEED, read_attribute_list
        from extract.header import read_header
        from extract.identifiers import Identifiers
        attributes = read_attribute_list(SEED)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
        try:
            read_header(Path(sys.argv[1]), attributes, Identifiers(b"key of the tests"))
        except Exception as error:
            print(error.args)
    """
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "('header exceeds a limit', 'more memory than there is')\n"


@pytest.mark.parametrize(
    ("start", "length", "detail"),
    [
        (element(FRAMES, b"SQ", 3 << 30), 3 << 30, "an element of more than 256 MB"),
        (element(0x00091010, b"UN", 3 << 30), 3 << 30, None),
        (element(0x00091010, b"OB", UNDEFINED), 3 << 30, "more than 128 MB before the pixels"),
    ],
)
def test_an_element_of_three_gigabytes_is_not_read(
    tmp_path: Path, start: bytes, length: int, detail: str | None
) -> None:
    path = tmp_path / "sparse"
    path.write_bytes(PLAIN + start)
    os.truncate(path, len(PLAIN) + len(start) + length)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if detail is None:
        assert read_header(path, BESIDE_UIDS, IDENTIFIERS).attributes == {"SeriesDescription": "It"}
    else:
        with pytest.raises(RejectedFileError) as rejected:
            read_header(path, BESIDE_UIDS, IDENTIFIERS)
        assert rejected.value.args == ("header exceeds a limit", detail)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 << 10


class _CountedFile(BytesIO):
    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


def test_a_long_sequence_of_undefined_length_is_not_copied_again_and_again_or_held_in_vain() -> None:
    bulk = element(0x00091010, b"OB", 1024, bytes(1024))
    value = (EMPTY_ITEM[:4] + struct.pack("<L", len(bulk)) + bulk) * 20_000 + SEQUENCE_END
    kept = _CountedFile(PLAIN + element(FRAMES, b"SQ", UNDEFINED, value) + PIXELS)
    assert read_open_file(kept, BESIDE_UIDS, IDENTIFIERS).attributes == {"SeriesDescription": "It"}
    assert kept.reads < 100  # each adds to what is held by copying it; with 16 KB a time there were 1,300
    passed_over = BytesIO(PLAIN + element(0x52009299, b"SQ", UNDEFINED, value) + PIXELS)
    tracemalloc.start()
    assert read_open_file(passed_over, BESIDE_UIDS, IDENTIFIERS).attributes == {"SeriesDescription": "It"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (deflated(DATA_SET + PIXELS), False),
        (deflated(DATA_SET), False),
        (deflated(DATA_SET + PIXELS, wbits=15), False),
        (deflated(DATA_SET + element(0x7FE00010, b"OW", 1 << 30), 1 << 30), False),
        (deflated(DATA_SET + PIXELS[:-100]), True),
        (deflated(DATA_SET + element(0x7FE00010, b"OW", 1 << 20) + os.urandom(1 << 20))[:-1000], True),
        (deflated(DATA_SET + element(0x00091010, b"OB", 1 << 30), 1 << 30), "more than 64 MB inflated without pixels"),
    ],
)
def test_a_deflated_data_set_is_inflated_no_further_than_a_header_goes(content: bytes, outcome: bool | str) -> None:
    if isinstance(outcome, str):
        with pytest.raises(RejectedFileError) as rejected:
            read(content)
        assert rejected.value.args == ("header exceeds a limit", outcome)
    else:
        header = read(content)
        assert header.transfer_syntax_uid == DeflatedExplicitVRLittleEndian
        assert (header.attributes, header.is_truncated) == ({"SeriesDescription": "It"}, outcome)


@pytest.mark.parametrize("declared", [0, 400, 1 << 30])
def test_a_member_of_an_archive_that_lies_about_its_size_is_read_or_rejected(tmp_path: Path, declared: int) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", PLAIN + PIXELS)
    content = bytearray(path.read_bytes())
    true_size = struct.pack("<L", len(PLAIN + PIXELS))
    assert content.count(true_size) == 2
    path.write_bytes(content.replace(true_size, struct.pack("<L", declared)))
    with Archive(FoundFile(str(path), "archive.zip")) as opened:
        ((_, _, info),) = opened.members()
        try:
            with opened.open(info) as member:
                outcome: object = read_open_file(member, BESIDE_UIDS, IDENTIFIERS).attributes
        except Exception as error:
            outcome = type(error).__name__
    assert outcome == ({"SeriesDescription": "It"} if declared > 400 else "ArchiveError")
