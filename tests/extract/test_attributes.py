"""The attribute seed: what its paths mean, what a wrong row is told, and which columns have archives read again."""

import csv
from pathlib import Path

import pytest

from extract.attributes import SEED, AttributeSeedError, Step, parse_path, read_attribute_list

PROJECT = Path(__file__).parents[2]
COLUMNS = (PROJECT / SEED).read_text("utf-8").splitlines()[0].split(",")
ROW = {"name": "KVP", "tag": "00180060", "vr": "DS", "level": "series", "kind": "number", "aggregate": "mode"}
PRIVATE = {"name": "AcmeDose", "tag": "00191010"}  # no dictionary holds it, so every column may change alone
DECIDING = {
    "name": "AcmeOtherDose",
    "tag": "00191011",
    "vr": "IS",
    "level": "study",
    "path": "SharedFunctionalGroupsSequence[1].KVP",
    "also_from": "XRayTubeCurrent",
    "component": "1",
    "aggregate": "max",
    "privacy_action": "mask",
}


def seed(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "dicom_attribute.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**ROW, "privacy_action": "keep", **row} for row in rows)
    return path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("KVP", [Step(0x00180060, "DS")]),
        ("00180060", [Step(0x00180060, "DS")]),
        ("AnatomicRegionSequence[*]", [Step(0x00082218, "SQ", 0)]),
        ("RequestAttributesSequence[2].AccessionNumber", [Step(0x00400275, "SQ", 2), Step(0x00080050, "SH")]),
        ("00400275[*].00080050", [Step(0x00400275, "SQ", 0), Step(0x00080050, "SH")]),
        ("0019xx0C{SIEMENS MR HEADER}", [Step(0x0019000C, "IS", None, "SIEMENS MR HEADER")]),
        (
            "E001xx01{ACME}[1].0029xx10{V 1.0}",
            [Step(0xE0010001, "SQ", 1, "ACME"), Step(0x00290010, "IS", None, "V 1.0")],
        ),
        ("SmallestImagePixelValue", [Step(0x00280106, "IS")]),
        ("00091001", [Step(0x00091001, "IS")]),
    ],
)
def test_a_path_is_keywords_tags_items_and_private_tags(text: str, steps: list[Step]) -> None:
    assert list(parse_path(text, "IS")) == steps


def test_the_places_of_a_row_are_tried_in_the_order_written(tmp_path: Path) -> None:
    row = {"also_from": "ImageLaterality; FrameAnatomySequence[1].FrameLaterality", "component": "2"}
    (attribute,) = read_attribute_list(seed(tmp_path, row)).attributes
    assert [path[-1].tag for path in attribute.paths] == [0x00180060, 0x00200062, 0x00209072]
    assert attribute.key == "KVP[2]"


def test_rows_without_a_tag_are_not_read_from_files(tmp_path: Path) -> None:
    derived = {"name": "NumberOfInstances", "tag": "", "vr": ""}
    assert [a.key for a in read_attribute_list(seed(tmp_path, derived, {})).attributes] == ["KVP"]


@pytest.mark.parametrize(
    ("row", "remedy"),
    [
        ({"tag": "180060"}, "the 8 hex digits of a tag"),  # what a spreadsheet makes of it
        ({"path": "KiloVolts"}, "is no keyword of the DICOM standard; give the 8-digit tag"),
        ({"path": "RequestAttributesSequence.AccessionNumber"}, r"needs \[1\] or \[\*\]"),
        ({"path": "RequestAttributesSequence[0].AccessionNumber"}, r"cannot be read at .*give a keyword"),
        ({"level": "patient"}, "use one of study, series, instance"),
        ({"aggregate": "mean"}, "use one of mode, min, max, median, distinct"),
        ({"privacy_action": ""}, "use one of keep, mask"),
        ({"component": "0"}, "use a number from 1, or leave it empty"),
        ({"vr": "DS "}, "remove the blanks around it"),  # dbt keeps them, and the fingerprints would differ
        ({"kind": "numbr"}, "use one of number, text, code"),
        ({"tag": "00180080"}, "tag 00180080 is RepetitionTime; write that name, or the tag of KVP"),
        ({"vr": "LO"}, "vr of KVP is DS, not LO"),
        ({"vr": "XX"}, "vr is 'XX', which is none"),
        ({"also_from": "RequestAttributesSequence[1].AccessionNumber"}, "identifies a patient and is never taken"),
        ({"path": "PatientName"}, "identifies a patient and is never taken"),
    ],
)
def test_a_wrong_row_is_named_with_its_remedy(tmp_path: Path, row: dict[str, str], remedy: str) -> None:
    path = seed(tmp_path, {"name": "Rows", "tag": "00280010", "vr": "US"}, row)
    with pytest.raises(AttributeSeedError, match=rf"dicom_attribute.csv, line 3: attribute 'KVP': .*{remedy}"):
        read_attribute_list(path)


def test_a_wrong_file_is_told_what_to_do(tmp_path: Path) -> None:
    path = seed(tmp_path, {}, {})
    with pytest.raises(AttributeSeedError, match="attribute 'KVP' stands twice; remove one row"):
        read_attribute_list(path)
    path.write_text(",".join(COLUMNS) + "\nKVP,00180060,DS\n")
    with pytest.raises(AttributeSeedError, match=r"line 2: .*not 17 cells; quote a cell that holds a comma"):
        read_attribute_list(path)
    path.write_text("name,tag\nKVP,00180060\n")
    with pytest.raises(AttributeSeedError, match=r"columns vr, level.* are missing; restore the header line"):
        read_attribute_list(path)
    path.write_bytes(path.read_bytes() + "Schädel".encode("latin-1"))
    with pytest.raises(AttributeSeedError, match="save it as CSV in UTF-8"):
        read_attribute_list(path)


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    path = seed(tmp_path, {})
    plain = read_attribute_list(path)
    path.write_text(path.read_text("utf-8"), "utf-8-sig")
    assert read_attribute_list(path) == plain


def test_the_fingerprint_tells_what_is_read_and_nothing_else(tmp_path: Path) -> None:
    other = {"name": "Rows", "tag": "00280010", "vr": "US"}
    before = read_attribute_list(seed(tmp_path, PRIVATE, other)).fingerprint

    def after(*rows: dict[str, str]) -> str:
        return read_attribute_list(seed(tmp_path, *rows)).fingerprint

    assert after(other, PRIVATE) == before
    assert after(PRIVATE, other, {"name": "NumberOfInstances", "tag": ""}) == before
    assert after({**PRIVATE, "kind": "text"}, other) == before
    assert all(after({**PRIVATE, c: "7"}, other) == before for c in set(COLUMNS) - set(DECIDING) - {"kind"})
    changed = {after({**PRIVATE, column: value}, other) for column, value in DECIDING.items()}
    assert len({before, *changed}) == 1 + len(DECIDING)
