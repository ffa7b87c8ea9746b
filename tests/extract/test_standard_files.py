"""Files of every transfer syntax and every character set of the standard, and values that break their VR."""

import struct
import zlib
from io import BytesIO

import pytest
from made_files import BESIDE_UIDS, dicom, encoded, items
from pydicom import FileDataset
from pydicom.uid import UID, AllTransferSyntaxes, ExplicitVRLittleEndian

from extract.header import Header, read_open_file
from extract.identifiers import Identifiers

IDENTIFIERS = Identifiers(b"key of the tests")
DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def read(content: FileDataset | bytes) -> Header:
    file = BytesIO(content if isinstance(content, bytes) else encoded(content))
    return read_open_file(file, BESIDE_UIDS, IDENTIFIERS)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    length = struct.pack("<HL", 0, len(value)) if vr in (b"SQ", b"UN") else struct.pack("<H", len(value))
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + length + value


def _tag(element: bytes) -> tuple[int, ...]:
    return struct.unpack("<HH", element[:4])


def data_set(*elements: bytes) -> bytes:
    """A file with these elements, put in order among the UIDs."""
    plain = encoded(dicom())
    start = plain.index(b"\x08\x00\x16\x00")
    middle = plain.index(b"\x20\x00\x0d\x00")
    uids = [plain[start : start + 34], plain[start + 34 : middle], plain[middle : middle + 16], plain[middle + 16 :]]
    ordered = sorted([*uids, *elements], key=_tag)
    return plain[:start] + b"".join(ordered)


@pytest.mark.parametrize("uid", [*AllTransferSyntaxes, *DEFLATED[1:], DEFLATED_FRAMES, "1.2.840.10008.1.2.6.1"])
def test_every_transfer_syntax_gives_the_same_values(uid: str) -> None:
    plain = uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
    dataset = dicom(
        UID(uid) if plain else ExplicitVRLittleEndian,
        SeriesDescription="Synthetic thorax",
        Rows=512,
        SliceThickness="1.50",
        SharedFunctionalGroupsSequence=items({"PixelMeasuresSequence": items({"PixelSpacing": ["0.5", "0.7"]})}),
        PatientName="Synthetic^Testina",
    )
    content = encoded(dataset)
    if not plain:
        start = content.index(b"\x08\x00\x16\x00")
        meta, data_set = content[:start], content[start:]
        fragments = struct.pack("<HHL", 0xFFFE, 0xE000, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        data_set += struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + fragments
        if uid in DEFLATED:
            packer = zlib.compressobj(wbits=-15)
            data_set = packer.compress(data_set) + packer.flush()
        value = uid.encode() + b"\0" * (len(uid) % 2)
        old = struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\0"
        content = meta.replace(old, struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value) + data_set
    header = read(content)
    assert header.transfer_syntax_uid == uid
    assert header.attributes == {
        "SeriesDescription": "*** thorax",
        "Rows": "512",
        "SliceThickness": "1.50",
        "PixelSpacing[1]": "0.5",
        "PixelSpacing[2]": "0.7",
    }


SINGLE_BYTE = {  # number: codec, escape sequence that designates it as G1 (PS3.3 C.12.1.1.2), name, text
    "100": ("iso8859-1", "-A", "Müller^Jörg", "Schädel"),
    "101": ("iso8859-2", "-B", "Dvořák^Jiří", "Játrové žíly"),
    "109": ("iso8859-3", "-C", "Ċensu^Ġorġina", "Qalb ħaj"),
    "110": ("iso8859-4", "-D", "Bērziņš^Jānis", "ķermenis"),
    "144": ("iso8859-5", "-L", "Люксембургский^Тест", "Грудная клетка"),
    "127": ("iso8859-6", "-G", "قباني^لنزار", "صدر"),
    "126": ("iso8859-7", "-F", "Διονυσιος^Τεστος", "Θώρακας"),
    "138": ("iso8859-8", "-H", "שרון^דבורה", "ריאות"),
    "148": ("iso8859-9", "-M", "Çavuşoğlu^Ümit", "Göğüs"),
    "203": ("iso8859-15", "-b", "Lefœvre^Žitaÿ", "Cœur"),
    "166": ("tis-620", "-T", "นามสกุล^ทดสอบ", "ทรวงอก"),
    "13": ("shift_jis", ")I", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ｷｮｳﾌﾞ"),
}
KOREAN = ("김^희중", "흉부 조영")
JAPANESE = ("山田^太郎", "胸部単純")
CHINESE = ("王^小东", "胸部平扫")
CHARACTER_SETS = [
    *((f"ISO_IR {number}", codec, "", *texts) for number, (codec, _, *texts) in SINGLE_BYTE.items()),
    *((f"\\ISO 2022 IR {number}", codec, escape, *texts) for number, (codec, escape, *texts) in SINGLE_BYTE.items()),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", "iso8859-5", "-L", *SINGLE_BYTE["144"][2:]),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", "iso2022_jp", "", *JAPANESE),
    ("\\ISO 2022 IR 87", "iso2022_jp", "", *JAPANESE),
    ("\\ISO 2022 IR 87\\ISO 2022 IR 159", "iso2022_jp_2", "", "丂丄^丅丌", "丵丼"),
    ("\\ISO 2022 IR 149", "euc_kr", "$)C", *KOREAN),
    ("\\ISO 2022 IR 149", "euc_kr", "", *KOREAN),  # as many write it, without its escape sequence
    ("ISO 2022 IR 149", "euc_kr", "", *KOREAN),
    ("\\ISO 2022 IR 58", "gb2312", "$)A", *CHINESE),
    ("\\ISO 2022 IR 58", "gb2312", "", *CHINESE),
    *(("ISO_IR 192", "utf-8", "", *texts) for _, _, *texts in SINGLE_BYTE.values()),
    *(("ISO_IR 192", "utf-8", "", *texts) for texts in (KOREAN, JAPANESE, CHINESE)),
    ("GB18030", "gb18030", "", *CHINESE),
    ("GBK", "gbk", "", *CHINESE),
]


@pytest.mark.parametrize(("character_set", "codec", "escape", "name", "text"), CHARACTER_SETS)
def test_every_character_set_is_decoded_and_its_names_are_masked(
    character_set: str, codec: str, escape: str, name: str, text: str
) -> None:
    start = b"\x1b" + escape.encode() if escape else b""

    def written(value: str) -> bytes:
        # What separates the parts of a name resets to the first character set (PS3.5 6.1.2.5.3).
        value_bytes = b"^".join(start + part.encode(codec) for part in value.split("^"))
        return value_bytes + b" " * (len(value_bytes) % 2)

    whole = name.replace("^", "")
    meaning = element(0x00080104, b"LO", written(text))
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(meaning)) + meaning
    content = data_set(
        element(0x00080005, b"CS", character_set.encode() + b" " * (len(character_set) % 2)),
        element(0x0008103E, b"LO", written(text)),
        element(0x00100010, b"PN", written(name)),
        element(0x00180012, b"SQ", item),
        element(0x00181030, b"LO", written(f"{text} {whole}")),
    )
    assert read(content).attributes == {
        "SeriesDescription": text,
        "ProtocolName": f"{text} ***",
        "ContrastBolusAgent": text,
        "ContrastBolusAgentSequence": f"^^{text}",
    }


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    dataset = dicom(SpecificCharacterSet="ISO_IR 144", SeriesDescription="Грудь")
    dataset.ContrastBolusAgentSequence = items({"SpecificCharacterSet": "ISO_IR 192", "CodeMeaning": "조영제"})
    assert read(dataset).attributes == {
        "SeriesDescription": "Грудь",
        "ContrastBolusAgent": "조영제",
        "ContrastBolusAgentSequence": "^^조영제",
    }


@pytest.mark.parametrize("length_of_sequences", ["defined", "undefined"])
def test_an_enhanced_file_has_its_values_in_shared_and_in_frame_groups(length_of_sequences: str) -> None:
    currents = ("100", "100", "80")
    frames = items(*({"CTExposureSequence": items({"XRayTubeCurrentInmA": float(c)})} for c in currents))
    shared = {
        "PixelMeasuresSequence": items({"PixelSpacing": ["0.4", "0.5"], "SliceThickness": "2.5"}),
        "CTXRayDetailsSequence": items({"KVP": "120"}),
    }
    dataset = dicom(
        NumberOfFrames="3", SharedFunctionalGroupsSequence=items(shared), PerFrameFunctionalGroupsSequence=frames
    )
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        dataset[keyword].is_undefined_length = length_of_sequences == "undefined"
    header = read(dataset)
    assert header.number_of_frames == 3
    names = [attribute.key for attribute in BESIDE_UIDS.of_instance]
    assert header.instance_values[names.index("XRayTubeCurrent")] in ("100", "100.0")
    assert header.attributes == {
        "PixelSpacing[1]": "0.4",
        "PixelSpacing[2]": "0.5",
        "SliceThickness": "2.5",
        "KVP": "120",
    }


@pytest.mark.parametrize(
    ("tag", "vr", "value", "attribute", "text"),
    [
        (0x00180050, b"DS", b"2,5 ", "SliceThickness", "2,5"),
        (0x00180050, b"DS", b"1.0\\2.00", "SliceThickness", "1.0\\2.00"),
        (0x00180050, b"FD", struct.pack("<d", 2.5), "SliceThickness", "2.5"),
        (0x00200011, b"IS", b"1.0 ", "SeriesNumber", "1.0"),
        (0x00200011, b"IS", b" +007 ", "SeriesNumber", "+007"),
        (0x00080020, b"DA", b"2012.03.04", "StudyDate", "2012.03.04"),
        (0x00080020, b"DA", b"04-MAR-12 ", "StudyDate", "04-MAR-12"),
        (0x00280010, b"US", b"\x00\x02\x07", "Rows", "512"),
        (0x00280010, b"US", b"\x00\x02\x01\x00", "Rows", "512\\1"),
        (0x00280010, b"SS", b"\xff\xff", "Rows", "-1"),
        (0x00280010, b"IS", b"512 ", "Rows", "512"),
        (0x00280010, b"US", b"\x02", "Rows", ""),
        (0x00180015, b"CS", b"chest and abdomen with contrast", "BodyPartExamined", "chest and abdomen with contrast"),
        (0x00280030, b"DS", b"0.5\\0.7\\0.9", "PixelSpacing[2]", "0.7"),
        (0x00080070, b"LO", b"A\0B\0", "Manufacturer", "AB"),
    ],
)
def test_a_value_that_breaks_its_vr_is_taken_as_it_is_written(
    tag: int, vr: bytes, value: bytes, attribute: str, text: str
) -> None:
    assert read(data_set(element(tag, vr, value))).attributes[attribute] == text


@pytest.mark.parametrize("uid", ["1.2.3.x", "1.2.3.04", "uid", "1.2..3"])
def test_a_uid_with_letters_still_tells_series_apart(uid: str) -> None:
    dataset = dicom()
    content = encoded(dataset).replace(b"UI\x08\x001.2.3.3\0", b"UI" + struct.pack("<H", len(uid)) + uid.encode())
    assert read(content).series_instance_uid == uid
