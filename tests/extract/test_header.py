"""Values taken from headers: those of the files that come with pydicom, and of files made for one trap each."""

import csv
import struct
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from made_files import ATTRIBUTES, BESIDE_UIDS, dicom, encoded, items
from pydicom import FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from extract.attributes import SEED, Attribute, AttributeList, parse_path
from extract.header import Header, IgnoredFileError, RejectedFileError, read_header
from extract.identifiers import VALUE_SEED, Identifiers, vocabulary_terms

PROJECT = Path(__file__).parents[2]
IDENTIFIERS = Identifiers(b"key of the tests")
WHEEL = Path(pydicom.__file__).parent / "data"
WHEEL_FILES = sorted(path for path in WHEEL.rglob("*") if path.is_file())

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Header]:
    """Write a dataset, or bytes, to a file and read its header."""

    def write_and_read(content: FileDataset | bytes, attributes: AttributeList = BESIDE_UIDS) -> Header:
        path = tmp_path / "file"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save_as(path, enforce_file_format=False)
        return read_header(path, attributes, IDENTIFIERS)

    return write_and_read


def values_of(header: Header) -> dict[str, str]:
    instance = zip((a.key for a in ATTRIBUTES.of_instance), header.instance_values, strict=True)
    return header.attributes | {key: value for key, value in instance if value is not None}


def from_path(path: str, vr: str = "LO", **settings: object) -> AttributeList:
    """An attribute list of one value, which is read from a path."""
    texts = path.split(";")
    attribute = {"name": "It", "level": "series", "component": None, "aggregate": "mode", "mask": False, **settings}
    return AttributeList((Attribute(paths=tuple(parse_path(t, vr) for t in texts), **attribute),), "")  # type: ignore[arg-type]


def plainly_read(path: Path) -> dict[str, str] | str:
    """What pydicom says of the seed's top-level attributes, or why the file is no instance."""
    try:
        dataset = dcmread(path, stop_before_pixels=True)
    except pydicom.errors.InvalidDicomError:
        dataset = dcmread(path, stop_before_pixels=True, force=True)
        if "SOPClassUID" not in dataset:
            return "not DICOM"
    if "DirectoryRecordSequence" in dataset or "MediaStorageDirectoryStorage" in repr(
        dataset.file_meta.get("MediaStorageSOPClassUID")
    ):
        return "DICOMDIR"
    if not all(dataset.get(keyword) for keyword in ("StudyInstanceUID", "SeriesInstanceUID")):
        return "identifying UID missing"
    found = {}
    with (PROJECT / SEED).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            tag = int(row["tag"] or "0", 16)
            where = dataset.file_meta if tag >> 16 == 2 else dataset
            if row["path"] or tag not in where:
                continue
            value = where[tag].value
            parts = list(value) if isinstance(value, MultiValue) else [] if value is None else [value]
            # pydicom keeps the text of decimal and integer strings where it has parsed them.
            texts = [getattr(part, "original_string", str(part)).strip() for part in parts]
            if row["component"]:
                if parts and len(parts) < int(row["component"]):
                    continue
                found[f"{row['name']}[{row['component']}]"] = texts[int(row["component"]) - 1] if texts else ""
            else:
                found[row["name"]] = "\\".join(texts)
    return found


def test_every_file_of_the_wheel_gives_what_plain_pydicom_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extract.header.masking", lambda *_: None)
    instances = 0
    for path in WHEEL_FILES:
        expected = plainly_read(path)
        try:
            header = read_header(path, ATTRIBUTES, IDENTIFIERS)
        except (IgnoredFileError, RejectedFileError) as left_out:
            assert expected == left_out.args[0], path
            continue
        assert isinstance(expected, dict), f"{path} is taken, though it is: {expected}"
        taken = values_of(header)
        for attribute in ATTRIBUTES.attributes:
            key, top_level_alone = attribute.key, len(attribute.paths) == 1 and len(attribute.paths[0]) == 1
            if expected.get(key) or (top_level_alone and attribute.paths[0][0].item is None):
                assert taken.get(key) == expected.get(key), (path, key)
            elif key in expected:  # present and empty: another place may have the value, yet it stays present
                assert key in taken, (path, key)
        instances += 1
    assert instances > 150


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("test_files/README.txt", IgnoredFileError("not DICOM")),
        ("test_files/dicomdirtests/DICOMDIR", IgnoredFileError("DICOMDIR")),
        ("test_files/dicomdirtests/DICOMDIR-bigEnd", IgnoredFileError("DICOMDIR")),
        (
            "test_files/UN_sequence.dcm",
            RejectedFileError("identifying UID missing", "StudyInstanceUID, SeriesInstanceUID"),
        ),
    ],
)
def test_a_file_is_left_out_for_its_true_reason(name: str, error: Exception) -> None:
    with pytest.raises(type(error)) as left_out:
        read_header(WHEEL / name, ATTRIBUTES, IDENTIFIERS)
    assert left_out.value.args == error.args


@pytest.mark.parametrize(
    "content", [b"", b"DICM", b"\x08\x00", b"study,series\n1,2\n", bytes(4096), b"\x08\x00\x00\x00\x04\x00\x00\x00abcd"]
)
def test_a_file_that_is_no_dicom_is_ignored(read: Callable[..., Header], content: bytes) -> None:
    with pytest.raises(IgnoredFileError, match="not DICOM"):
        read(content)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_encoding_gives_the_same_values(read: Callable[..., Header], syntax: UID) -> None:
    dataset = dicom(
        syntax, Rows=512, SliceThickness="0.50", XRayTubeCurrent="0", Laterality="", WindowCenter=["40", "-600"]
    )
    header = read(dataset)
    assert values_of(header) == {
        "Rows": "512",
        "SliceThickness": "0.50",
        "XRayTubeCurrent": "0",
        "Laterality": "",
        "WindowCenter": "40\\-600",
    }
    assert header.transfer_syntax_uid == syntax


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_old_files_without_preamble_and_meta_information_are_read(read: Callable[..., Header], syntax: UID) -> None:
    dataset = dicom(syntax, Rows=512)
    dataset.file_meta = FileMetaDataset()
    dataset.preamble = None
    buffer = BytesIO()
    encoding = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    pydicom.dcmwrite(buffer, dataset, **encoding, enforce_file_format=False)
    assert buffer.getvalue()[:2] in (b"\x08\x00", b"\x00\x08")
    header = read(buffer.getvalue())
    assert (header.transfer_syntax_uid, header.attributes) == (syntax, {"Rows": "512"})


def test_the_meta_information_stands_in_for_a_missing_sop_instance_uid(read: Callable[..., Header]) -> None:
    dataset = dicom()
    del dataset.SOPInstanceUID
    assert read(dataset).sop_instance_uid == "1.2.3.1"


def test_zero_and_empty_are_values_and_absent_is_none(read: Callable[..., Header]) -> None:
    header = read(dicom(SeriesNumber="0", KVP="0.0", SeriesDescription="", ContrastBolusAgent=None, InstanceNumber="0"))
    assert header.attributes == {"SeriesNumber": "0", "KVP": "0.0", "SeriesDescription": "", "ContrastBolusAgent": ""}
    assert header.instance_values == [None] * len(ATTRIBUTES.of_instance)
    assert header.instance_number == 0


@pytest.mark.parametrize(
    ("spacing", "rows"),
    [
        (["0.5", "0.7"], {"PixelSpacing[1]": "0.5", "PixelSpacing[2]": "0.7"}),
        (["0.5"], {"PixelSpacing[1]": "0.5"}),
        ([], {"PixelSpacing[1]": "", "PixelSpacing[2]": ""}),
    ],
)
def test_a_component_is_one_number_of_a_multi_valued_attribute(
    read: Callable[..., Header], spacing: list[str], rows: dict[str, str]
) -> None:
    assert read(dicom(PixelSpacing=spacing)).attributes == rows


def test_a_path_into_all_items_joins_their_values(read: Callable[..., Header]) -> None:
    regions = items({"TransducerFrequency": 3500}, {}, {"TransducerFrequency": 0})
    assert values_of(read(dicom(SequenceOfUltrasoundRegions=regions))) == {"TransducerFrequency": "3500\\0"}
    second = from_path("SequenceOfUltrasoundRegions[3].TransducerFrequency")
    assert read(dicom(SequenceOfUltrasoundRegions=regions), second).attributes == {"It": "0"}


def test_a_path_whose_values_are_all_empty_is_present_and_empty(read: Callable[..., Header]) -> None:
    agents = items({"CodeMeaning": ""}, {"CodeMeaning": ""})
    meanings = from_path("ContrastBolusAgentSequence[*].CodeMeaning")
    assert read(dicom(ContrastBolusAgentSequence=agents), meanings).attributes == {"It": ""}
    assert read(dicom(AnatomicRegionSequence=items({}))).attributes == {"AnatomicRegionSequence": ""}
    assert read(dicom(AnatomicRegionSequence=[])).attributes == {"AnatomicRegionSequence": ""}


def test_shared_functional_groups_serve_where_the_top_level_is_silent(read: Callable[..., Header]) -> None:
    measures = {"PixelMeasuresSequence": items({"SliceThickness": "2.5", "PixelSpacing": ["0.4", "0.4"]})}
    header = read(dicom(SliceThickness="", SharedFunctionalGroupsSequence=items(measures)))
    assert header.attributes == {"SliceThickness": "2.5", "PixelSpacing[1]": "0.4", "PixelSpacing[2]": "0.4"}


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [("mode", "100"), ("median", "90"), ("min", "80"), ("max", "100"), ("distinct", "100\\80\\90")],
)
def test_the_frames_of_an_instance_are_collapsed_as_the_seed_says(
    read: Callable[..., Header], aggregate: str, value: str
) -> None:
    currents = ["100", "80", "", "100", "80", "90"]
    frames = items(*({"CTExposureSequence": items({"XRayTubeCurrentInmA": c or None})} for c in currents))
    path = "PerFrameFunctionalGroupsSequence[*].CTExposureSequence[1].XRayTubeCurrentInmA"
    dataset = dicom(PerFrameFunctionalGroupsSequence=frames)
    for frame, current in zip(frames, currents, strict=True):
        if current:
            frame.CTExposureSequence[0].XRayTubeCurrentInmA = float(current)
    written = read(dataset, from_path(path, "FD", aggregate=aggregate)).attributes["It"]
    assert written.replace(".0", "") == value


def test_a_code_keeps_value_scheme_and_meaning_and_becomes_sct_where_it_was_srt(read: Callable[..., Header]) -> None:
    chest = {"CodeValue": "T-D3000", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Chest"}
    liver = {"CodeValue": "10200004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Liver"}
    own = {"CodeValue": "X1", "CodingSchemeDesignator": "99ACME", "CodeMeaning": "Gantry"}
    header = read(dicom(AnatomicRegionSequence=items(chest, liver, own)))
    assert header.attributes == {
        "AnatomicRegionSequence": "51185008^SCT^Chest\\10200004^SCT^Liver\\X1^99ACME^Gantry",
    }


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_private_value_is_found_by_its_creator_whatever_its_block(read: Callable[..., Header], syntax: UID) -> None:
    dataset = dicom(syntax)
    dataset.private_block(0x0019, "OTHER", create=True).add_new(0x0C, "IS", "7")
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    assert read(dataset, from_path("0019xx0C{SIEMENS MR HEADER}", "IS")).attributes == {"It": "1000"}
    # The VR is pydicom's for the element, not the one of the attribute whose further place it is.
    assert read(dataset, from_path("DiffusionBValue;0019xx0C{SIEMENS MR HEADER}", "FD")).attributes == {"It": "1000"}
    assert read(dataset, from_path("0019xx0C{ABSENT}", "IS")).attributes == {}


@pytest.mark.parametrize(
    ("character_set", "codec", "text"),
    [
        (["", "ISO 2022 IR 149"], None, "흉부 조영"),
        (["", "ISO 2022 IR 87"], None, "胸部 造影"),
        ("ISO_IR 192", "utf-8", "두부\\Schädel\\頭部"),
        ("GB18030", "gb18030", "胸部\\乗算"),  # its second bytes can be a backslash
        ("ISO_IR 100", "latin-1", "Schädel\\Wirbelsäule"),
    ],
)
def test_text_is_decoded_by_the_files_own_character_set(
    read: Callable[..., Header], character_set: str | list[str], codec: str | None, text: str
) -> None:
    dataset = dicom(SpecificCharacterSet=character_set, SeriesDescription=text.split("\\"))
    agents = items({"CodeMeaning": text.split("\\")[0]})
    dataset.ContrastBolusAgentSequence = agents  # items inherit it
    header = read(dataset)
    assert codec is None or text.encode(codec) in encoded(dataset)
    assert header.attributes["SeriesDescription"] == text
    assert header.attributes["ContrastBolusAgent"] == text.split("\\")[0]


@pytest.mark.parametrize("character_set", [["", "ISO 2022 IR 149"], "ISO_IR 192"])
def test_a_code_word_beyond_ascii_is_decoded_like_text(
    read: Callable[..., Header], character_set: str | list[str]
) -> None:
    text = "흉부"  # against the standard, and met
    content = encoded(dicom(SpecificCharacterSet=character_set, SeriesDescription=text, BodyPartExamined="A" * 10))
    written = text.encode("utf-8") if character_set == "ISO_IR 192" else b"\x1b$)C" + text.encode("euc_kr")
    assert read(content.replace(b"A" * 10, written.ljust(10))).attributes["BodyPartExamined"] == text


def test_the_meta_information_is_read_by_its_tags(read: Callable[..., Header]) -> None:
    header = read(dicom(), ATTRIBUTES)
    assert header.attributes == {"SOPClassUID": str(CTImageStorage), "TransferSyntaxUID": str(ExplicitVRLittleEndian)}


@pytest.mark.parametrize("character_set", ["ISO_IR 999", "ISO_IR 192", "ISO 2022 IR 149\\ISO_IR 192", "\\", "\xff\xff"])
def test_undecodable_text_is_storable_and_not_fatal(read: Callable[..., Header], character_set: str) -> None:
    content = encoded(dicom(SpecificCharacterSet="ISO_IR 100", SeriesDescription="A1B2C3D4E5F6G7H8I9"))
    content = content.replace(b"A1B2C3D4E5F6G7H8I9", b"A\xed\xa0\x80B\xff\x00C\x1b$)C\xb1\x1b%G \x00")
    written = character_set.encode("latin-1").ljust(10)[:10]
    text = read(content.replace(b"ISO_IR 100", written)).attributes["SeriesDescription"]
    assert text.startswith("A") and "\0" not in text
    text.encode("utf-8", "strict")


def test_a_value_that_breaks_its_vr_is_kept_as_written(read: Callable[..., Header]) -> None:
    content = encoded(dicom(SliceThickness="11.1111111", StudyDate="20120304", SeriesNumber="1234", Rows=512))
    content = content.replace(b"11.1111111", b"2,5 mm (!)").replace(b"20120304", b"4 Mar 12").replace(b"1234", b"1.5e")
    header = read(content.replace(b"US\x02\x00\x00\x02", b"US\x03\x00\x00\x02\x07"))
    expected = {"SliceThickness": "2,5 mm (!)", "StudyDate": "4 Mar 12", "SeriesNumber": "1.5e", "Rows": "512"}
    assert header.attributes == expected


@pytest.mark.parametrize("number", ["1E9999999", "-1E9999999", "NaN", "sNaN", "Infinity", "9" * 40, "1.5", "x", "\\"])
def test_an_instance_number_that_is_none_is_null(read: Callable[..., Header], number: str) -> None:
    content = encoded(dicom(InstanceNumber="12345678", NumberOfFrames="12345678"))
    vl = struct.pack("<H", 8) + b"12345678"
    content = content.replace(vl, struct.pack("<H", len(number)) + number.encode())
    header = read(content)
    assert (header.instance_number, header.number_of_frames) == (None, None)


@pytest.mark.parametrize(
    ("date", "time", "timestamp"),
    [
        ("20120304", "101530.25", datetime(2012, 3, 4, 10, 15, 30, 250_000)),
        ("2012.03.04", "10:15", datetime(2012, 3, 4, 10, 15)),
        ("20120304", "", datetime(2012, 3, 4)),
        ("201203", "101530", None),
        ("20120304", "1015301", None),
        ("20120230", "101530", None),
        ("", "101530", None),
    ],
)
def test_creation_is_read_only_where_date_and_time_are_whole(
    read: Callable[..., Header], date: str, time: str, timestamp: datetime | None
) -> None:
    assert read(dicom(InstanceCreationDate=date, InstanceCreationTime=time)).instance_creation == timestamp


def test_a_file_cut_within_its_header_is_taken_up_to_the_cut_and_marked(read: Callable[..., Header]) -> None:
    """Half a value would look like a value: WindowCenter 4 for 40."""
    content = encoded(dicom(WindowCenter="400000"))
    cut = read(content[:-2])
    assert cut.is_truncated and values_of(cut) == {}
    with pytest.raises(RejectedFileError) as left_out:
        read(content[: content.index(b"1.2.3.3") + 3])
    assert left_out.value.args == ("header cannot be parsed", "the file ends within it")
    with_pixels = content + b"\xe0\x7f\x10\x00OW\x00\x00\x00\x10\x00\x00" + bytes(100)
    assert values_of(read(with_pixels)) == {"WindowCenter": "400000"}


def test_patient_and_accession_are_hashes_of_their_normal_form(read: Callable[..., Header]) -> None:
    requests = items({"AccessionNumber": "A200"}, {"AccessionNumber": " a100 "}, {"AccessionNumber": ""})
    header = read(dicom(PatientID=" p-7a ", AccessionNumber="A100", RequestAttributesSequence=requests))
    assert header.patient_key == IDENTIFIERS.patient_key("P-7A")
    assert header.accession_keys == (IDENTIFIERS.accession_key("A100"), IDENTIFIERS.accession_key("A200"))
    assert read(dicom(PatientID=" ")).patient_key is None


def test_the_same_id_of_two_issuers_is_two_patients_with_one_patient_key(read: Callable[..., Header]) -> None:
    one = read(dicom(PatientID="P-7A", IssuerOfPatientID=" north hospital"))
    other = read(dicom(PatientID="P-7A", IssuerOfPatientID="SOUTH HOSPITAL"))
    assert one.patient_key == other.patient_key == IDENTIFIERS.patient_key("P-7A")
    assert one.patient_issuer_key == IDENTIFIERS.patient_issuer_key("p-7a", "NORTH HOSPITAL")
    assert one.patient_issuer_key not in (None, one.patient_key, other.patient_issuer_key)
    assert read(dicom(PatientID="P-7A", IssuerOfPatientID="")).patient_issuer_key is None
    assert read(dicom(PatientID="", IssuerOfPatientID="NORTH HOSPITAL")).patient_issuer_key is None


SYNTHETIC: dict[str, Any] = {
    "PatientName": "Synthetic^Testina=合成^試=김철^수",
    "PatientID": "SYN-00417",
    "PatientBirthDate": "19610203",
    "AccessionNumber": "ACC5521",
    "ReferringPhysicianName": "Fictus^Io",
}


@pytest.mark.parametrize(
    ("written", "kept", "masked"),
    [
        ("CHEST synthetic, TESTINA", "CHEST ***", 1),
        ("testina of synthetic", "*** of ***", 2),
        ("T1_SYNTHETIC_2", "T1_***_2", 1),
        ("id SYN-00417 acc ACC5521", "id *** acc ***", 2),
        ("born 1961-02-03 or 1961.02.03 or 19610203", "born *** or *** or ***", 3),
        ("김철 흉부 合成", "*** 흉부 ***", 2),
        ("김철수 흉부", "*** 흉부", 1),
        ("김철민 흉부", "김철민 흉부", 0),  # another word
        ("Photosynthetic SYNTHETICS", "Photosynthetic SYNTHETICS", 0),
        ("Dr Fictus, Io", "Dr ***", 1),
        ("Dr Io", "Dr Io", 0),  # too short to be told from other words
        ("req REQ-9901 old OLD-3344 by Fingo", "req *** old *** by ***", 3),
        ("AXIAL\\Synthetic", "AXIAL\\***", 1),
    ],
)
def test_the_files_own_names_ids_and_birth_date_are_masked_in_free_text(
    read: Callable[..., Header], written: str, kept: str, masked: int
) -> None:
    dataset = dicom(SpecificCharacterSet="ISO_IR 192", **SYNTHETIC)
    dataset.SeriesDescription = written
    dataset.RequestAttributesSequence = items({"AccessionNumber": "REQ-9901", "RequestingPhysician": "Fingo"})
    dataset.OtherPatientIDsSequence = items({"PatientID": "OLD-3344"})
    header = read(dataset)
    assert header.attributes == {"SeriesDescription": kept}
    assert header.values_masked == masked


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_file_cut_within_its_pixels_is_read_and_marked(read: Callable[..., Header], syntax: UID) -> None:
    dataset = dicom(syntax, Rows=8, Columns=8, BitsAllocated=16, PixelData=bytes(128))
    dataset["PixelData"].VR = "OW"
    whole = encoded(dataset)
    assert not read(whole).is_truncated
    assert read(whole[:-20]).is_truncated
    assert read(whole[:-20]).attributes == read(whole).attributes


def test_a_word_of_the_vocabulary_is_not_masked_though_a_patient_is_called_so(tmp_path: Path) -> None:
    dataset = dicom(PatientName="Chest^Phantomas", SeriesDescription="CHEST PA phantomas")
    dataset.save_as(tmp_path / "file", enforce_file_format=False)
    identifiers = Identifiers(b"key of the tests", vocabulary_terms(PROJECT / VALUE_SEED))
    header = read_header(tmp_path / "file", ATTRIBUTES, identifiers)
    assert header.attributes["SeriesDescription"] == "CHEST PA ***"


@pytest.mark.parametrize(
    ("names", "written", "kept"),
    [
        ({"PatientName": "Syn^Te Tic"}, "SYN TE TIC brain, te_tic^syn", "*** brain, ***"),
        ({"PatientName": "SYN^TETICA"}, "TeticaSyn", "***"),
        ({"PatientName": "=合成^一郎=합^성인"}, "합성인님 흉부 合成一郎 성인", "***님 흉부 *** ***"),
        ({"PatientID": "44556677"}, "x44556677a 144556677", "x***a 144556677"),
        ({"PatientBirthDate": "19610203"}, "03.02.1961 or 3/2", "*** or 3/2"),
        ({"PatientName": "Brain^MRI"}, "BRAIN MRI", "BRAIN MRI"),
    ],
)
def test_names_are_masked_as_they_are_written_in_text(
    tmp_path: Path, names: dict[str, Any], written: str, kept: str
) -> None:
    dataset = dicom(SpecificCharacterSet="ISO_IR 192", SeriesDescription=written, **names)
    dataset.save_as(tmp_path / "file", enforce_file_format=False)
    identifiers = Identifiers(b"key of the tests", vocabulary_terms(PROJECT / VALUE_SEED))
    assert read_header(tmp_path / "file", ATTRIBUTES, identifiers).attributes["SeriesDescription"] == kept


def test_a_request_comes_after_the_place_of_the_files_own_accession(read: Callable[..., Header]) -> None:
    dataset = dicom(AccessionNumber="")
    dataset.RequestAttributesSequence = items({"AccessionNumber": "REQ-1"}, {"AccessionNumber": "REQ-2"})
    keys = read(dataset).accession_keys
    assert keys[0] is None and len(keys) == 3
    dataset.AccessionNumber = "req-2"
    assert read(dataset).accession_keys == (keys[2], keys[1])
