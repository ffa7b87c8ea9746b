"""Tables of labelling tools: what becomes of their rows, in each format, and of rows that cannot be taken."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from extract.annotations import table
from extract.annotations.annotation import Annotation, AnnotationError, NotAnAnnotationError, Value
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.annotations.mapping import TableEntry, read_mapping
from extract.identifiers import Identifiers

SERIES = "1.2.3"


class Scanned:
    """One image is scanned."""

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        return None

    def series_of(self, sop_instance_uid: str) -> str | None:
        return SERIES if sop_instance_uid == "1.2.3.4" else None


def context() -> ReadContext:
    return ReadContext(Identifiers(b"key of these tests"), Scanned())


def entry(folder: Path, columns: str, rest: str = "series: {uid: 1.2.3}") -> TableEntry:
    """The entry of a rule with these lines of columns, and these others."""
    lines = [*(f"      {line.strip()}" for line in columns.strip().splitlines())]
    text = ["tables:", '  - files: "**"', "    columns:", *lines, *(f"    {line}" for line in rest.splitlines())]
    (folder / "mapping.yml").write_text("\n".join(text), encoding="utf-8")
    found = read_mapping(folder / "mapping.yml").entry("any")
    assert isinstance(found, TableEntry)
    return found


def read(path: Path, how: TableEntry) -> list[Annotation]:
    return table.read(path, context(), how).annotations


def values(annotation: Annotation) -> Mapping[str, tuple[str, float | None, str | None]]:
    return {one.name: (one.text, one.number, one.unit) for one in annotation.values}


def test_segment_statistics_of_3d_slicer(tmp_path: Path) -> None:
    path = tmp_path / "statistics.tsv"
    plugin = "LabelmapSegmentStatisticsPlugin"
    path.write_text(
        f"Segment\t{plugin}.voxel_count\t{plugin}.volume_mm3\t{plugin}.surface_area_mm2\n"
        "Nodule\t4189\t4189.0\t1256.6\nSolid part\t524\t524.0\t\n"
    )
    columns = f"""
        Segment: label
        {plugin}.volume_mm3: {{attribute: Volume, unit: mm3}}
        {plugin}.surface_area_mm2: {{attribute: SurfaceArea, unit: mm2}}
        {plugin}.voxel_count: VoxelCount
    """
    rest = "series: {uid: 1.2.3}\nconstants: {annotation_system: 3D Slicer, generation: SEMIAUTOMATIC}"
    nodule, part = read(path, entry(tmp_path, columns, rest))
    assert (nodule.number, nodule.label, nodule.series_instance_uid, nodule.problem) == (1, "Nodule", SERIES, None)
    assert (nodule.annotation_system, nodule.generation) == ("3D Slicer", "SEMIAUTOMATIC")
    assert values(nodule) == {
        "VoxelCount": ("4189", 4189, None),
        "Volume": ("4189.0", 4189, "mm3"),
        "SurfaceArea": ("1256.6", 1256.6, "mm2"),
    }
    assert {one.origin for one in nodule.values} == {"stated"}
    assert set(values(part)) == {"VoxelCount", "Volume"}  # an empty cell states nothing


LIDC = """
    series: series_instance_uid
    radiologist: annotator
    nodule: [label, tracking_id]
    diameter: {attribute: LongAxis, unit_column: unit}
    malignancy: Malignancy
    note: AnnotationText
    read: date
    at: time
    where: site
    lung: laterality
"""


def test_nodules_of_several_readers_stay_apart_and_nobody_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nodules.csv"
    path.write_text(
        "series;radiologist;nodule;diameter;unit;malignancy;note;read;at;where;lung\n"
        '1.2.3;"Synthetic, Alpha";N1;8,5;mm;4;larger than Bravo says;03.05.2019;14:05;Right upper lobe;Right\n'
        "1.2.3;Synthetic^Bravo;N1;0,9;cm;3;agreed with ALPHA;04.05.2019;;Right upper lobe;Right\n",
        encoding="utf-8-sig",
    )
    how = entry(tmp_path, LIDC, 'decimal_mark: ","\ndate_format: "%d.%m.%Y"')
    first, second = read(path, how)
    assert (first.tracking_id, first.label) == (second.tracking_id, second.label) == ("N1", "N1")
    assert first.annotator_key == context().annotator_key("SYNTHETIC, ALPHA") != second.annotator_key
    assert values(first)["LongAxis"] == ("8,5", 8.5, "mm")
    assert values(second)["LongAxis"] == ("0,9", 0.9, "cm")
    assert values(first)["Malignancy"] == ("4", 4, None)
    assert values(first)["AnnotationText"] == ("larger than *** says", None, None)  # he reads a later row
    assert (first.annotated_at, second.annotated_at) == (datetime(2019, 5, 3, 14, 5), datetime(2019, 5, 4))
    assert (first.site_code, first.laterality_code) == ("^^Right upper lobe", "^^Right")
    assert not [one for one in (first, second) if "bravo" in repr(one).lower() or "alpha" in repr(one).lower()]


RECORDS = [
    {"image": "1.2.3.4", "lesion": {"id": "A", "volume": {"mm3": 12.50}}, "measured": "2020-01-02T03:04:05Z"},
    {"image": "1.2.3.5", "lesion": {"id": "B", "volume": {"mm3": None}}, "measured": None},
]
NESTED = """
    image: sop_instance_uid
    lesion.id: tracking_id
    lesion.volume.mm3: {attribute: Volume, unit: mm3}
    measured: annotated_at
"""


@pytest.mark.parametrize("form", ["json", "records", "jsonl", "parquet"])
def test_json_and_parquet_may_nest(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"lesions.{'json' if form == 'records' else form}"
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), path)
    elif form == "jsonl":
        path.write_text("\n".join(map(json.dumps, RECORDS)))
    else:
        path.write_text(json.dumps({"study": {"lesions": RECORDS}} if form == "records" else RECORDS))
    how = entry(tmp_path, NESTED, "records: study.lesions" if form == "records" else "")
    found = table.read(path, context(), how)
    known, unknown = found.annotations
    assert (known.series_instance_uid, known.images, known.problem) == (SERIES, frozenset({"1.2.3.4"}), None)
    assert values(known) == {"Volume": ("12.5", 12.5, "mm3")}
    assert known.annotated_at == datetime(2020, 1, 2, 3, 4, 5)
    assert found.needs_series
    assert (unknown.series_instance_uid, unknown.values) == (None, [])
    assert unknown.problem == "row 2: its image is not scanned, so the series is not known"


def test_what_a_row_cannot_tell_is_said_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "id,series,uid,when,how,volume,note\n"
        "a,no uid,also none,yesterday,by hand,12 mm3,\n"
        "\n"
        'b,1.2.3,1.2.9,2020-01-02,manual,1.5e3,"a, b"\n'
        "c,1.2.3,1.2.9\n"
        "d,,,,,N/A,\n"
        "e,1.2.3,,,,1e999,\n"
    )
    columns = """
        id: label
        series: series_instance_uid
        uid: tracking_uid
        when: annotated_at
        how: generation
        volume: {attribute: Volume, unit: mm3}
        note: AnnotationText
    """
    a, b, c, d, e = read(path, entry(tmp_path, columns, "missing: [N/A]"))
    assert a.problem == (
        "row 1: tracking_uid is no UID; series_instance_uid is no UID; the date or time is not as ISO 8601 has it; "
        "generation is none of MANUAL, SEMIAUTOMATIC, AUTOMATIC; Volume is no number"
    )
    assert (a.label, values(a)) == ("a", {"Volume": ("12 mm3", None, "mm3")})  # what stands there is kept
    assert (b.problem, b.generation, values(b)["Volume"][1]) == (None, "MANUAL", 1500)
    assert values(b)["AnnotationText"][0] == "a, b"
    assert (c.number, c.problem, c.values) == (3, "row 3: 3 cells where the first line names 7", [])
    assert (d.problem, d.values) == ("row 4: nothing tells its series", [])
    assert (e.problem, values(e)["Volume"]) == ("row 5: Volume is no number", ("1e999", None, "mm3"))


def test_what_identifies_the_patient_of_a_row_is_masked_in_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("patient,note\nP123456,seen in P123456\nP999999,unlike P123456\n")
    first, second = read(path, entry(tmp_path, "patient: identifying\nnote: AnnotationText"))
    assert values(first) == {"AnnotationText": ("seen in ***", None, None)}
    assert values(second) == {"AnnotationText": ("unlike P123456", None, None)}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"a,c\n1,2\n", ("the table lacks columns of the mapping", "b")),
        ("t.csv", b"a,b,b\n1,2,3\n", ("columns of the mapping stand twice in the table", "b")),
        ("t.csv", "a,b\n1,간\n".encode("cp949"), ("the table is not UTF-8", "near row 1; save it as UTF-8")),
        ("t.csv", b'a,b\n1,2\n2,"open\n', ("the table is no CSV", "row 2: unexpected end of data; check its quotes")),
        ("t.json", b"{", ("the file is no JSON in UTF-8", "byte or line 1")),
        ("t.json", b'[{"a": 1}]', ("the table lacks columns of the mapping", "b")),
        ("t.parquet", b"PAR1", ("the file is no Parquet that can be read", "ArrowInvalid")),
        ("t.xlsx", b"PK", ("the suffix is of no form of table", "name it .csv, .tsv, .json, .jsonl or .parquet")),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, name: str, content: bytes, words: tuple[str, str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AnnotationError) as told:
        read(tmp_path / name, entry(tmp_path, "a: label\nb: AnnotationText"))
    assert told.value.args == words


def test_a_line_that_is_no_json_is_a_row_with_a_problem(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": "x"}\n{"a": \n3\n')
    found = read(tmp_path / "t.jsonl", entry(tmp_path, "a: label"))
    assert [one.problem for one in found] == [None, "row 2: it is no JSON object", "row 3: it is no JSON object"]


def test_a_table_without_rows_is_no_annotation(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n")
    with pytest.raises(NotAnAnnotationError):
        read(tmp_path / "t.csv", entry(tmp_path, "a: label\nb: AnnotationText"))


def test_a_column_that_names_as_many_readers_as_rows_is_none(tmp_path: Path) -> None:
    rows = "".join(f"reader {number},x\n" for number in range(1_200))
    (tmp_path / "t.csv").write_text("who,what\n" + rows)
    with pytest.raises(AnnotationError, match="names too many"):
        read(tmp_path / "t.csv", entry(tmp_path, "who: annotator\nwhat: label"))


def test_a_value_is_what_stands_in_the_cell(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n x ,007\n")
    (found,) = read(tmp_path / "t.csv", entry(tmp_path, "a: Texture\nb: Score"))
    assert found.values == [Value("Texture", "x"), Value("Score", "007", 7.0)]
