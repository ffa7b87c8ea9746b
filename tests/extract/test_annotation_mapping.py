"""The mapping file of label maps and tables: what a rule gives a file, and what is refused with which words."""

import pickle
import re
from pathlib import Path

import pytest

from extract.annotations.mapping import FIELDS, MEASURES, Column, LabelMapEntry, MappingError, TableEntry, read_mapping

MAPPING = r"""
label_maps:
  - files: "**/segmentations/*.nii.gz"
    series: {path: "(?P<series_instance_uid>1\\.2\\.[0-9.]+[0-9])/"}
    labels: {1: "{stem}"}
    annotation_system: TotalSegmentator
    generation: AUTOMATIC
  - files: ["*.seg.nrrd", "slicer/**"]
    series: {list: series.csv}
    annotator: SYNTHETIC^READER
  - files: "no?[ab].nii"
    series: {uid: 1.10}
    labels: {1: no, 2: 2021-01-01}
tables:
  - files: "**/*.csv"
    series: {uid: 1.2.3}
    columns:
      Segment: [label, tracking_id]
      Vol: {attribute: Volume, unit: mL}
      reader: annotator
    constants: {annotation_system: 3D Slicer}
    decimal_mark: ","
    missing: ["", NA]
"""


@pytest.fixture
def mapping_file(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yml"
    path.write_text(MAPPING, encoding="utf-8")
    (tmp_path / "series.csv").write_text("file;series_instance_uid\nb.seg.nrrd;1.3.1\nslicer/x/c.nrrd;1.3.2\n")
    return path


def test_the_first_rule_that_matches_a_path_says_how_it_is_read(mapping_file: Path) -> None:
    mapping = pickle.loads(pickle.dumps(read_mapping(mapping_file)))
    assert mapping.entry("p/1.2.34/segmentations/lung_upper_lobe_left.nii.gz") == LabelMapEntry(
        {1: "lung_upper_lobe_left"}, "1.2.34", "TotalSegmentator", generation="AUTOMATIC"
    )
    assert mapping.entry("segmentations/heart.nii.gz").series_instance_uid is None  # the path says no UID
    assert mapping.entry("b.seg.nrrd") == LabelMapEntry({}, "1.3.1", annotator="SYNTHETIC^READER")
    assert mapping.entry("slicer/b.seg.nrrd").series_instance_uid == "1.3.1"  # listed by its mere name
    assert mapping.entry("slicer/x/c.nrrd").series_instance_uid == "1.3.2"
    assert mapping.entry("a/b.seg.nrrd") is None  # `*` stays within its folder
    assert mapping.entry("x/segmentations/a/b.nii.gz") is None


def test_texts_are_taken_as_they_stand(mapping_file: Path) -> None:
    entry = read_mapping(mapping_file).entry("noXb.nii")
    assert entry == LabelMapEntry({1: "no", 2: "2021-01-01"}, "1.10")


def test_a_table_has_its_columns(mapping_file: Path) -> None:
    assert read_mapping(mapping_file).entry("deep/er/t.csv") == TableEntry(
        {
            "Segment": (Column("label"), Column("tracking_id")),
            "Vol": (Column("Volume", "mL"),),
            "reader": (Column("annotator"),),
        },
        {"annotation_system": "3D Slicer"},
        "1.2.3",
        decimal_mark=",",
        missing=frozenset({"", "NA"}),
    )


def test_the_fingerprint_is_of_the_mapping_and_its_lists(mapping_file: Path) -> None:
    first = read_mapping(mapping_file).fingerprint
    assert read_mapping(mapping_file).fingerprint == first
    with (mapping_file.parent / "series.csv").open("a") as file:
        file.write("d.seg.nrrd;1.3.3\n")
    second = read_mapping(mapping_file).fingerprint
    mapping_file.write_text(MAPPING + "# changed\n")
    assert len({first, second, read_mapping(mapping_file).fingerprint}) == 3


TABLE = 'tables:\n  - files: "*.csv"\n    series: {uid: "1.2"}\n    columns:\n'
LABELS = 'label_maps:\n  - files: "*.nii"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("label_maps: [", "line 1: this is no YAML"),
        ("labelmaps: []", "line 1: the mapping: key labelmaps is unknown; there are label_maps, tables"),
        ("tables: []", "it has no rule"),
        ("tables: {files: a}", "tables: it must be a list"),
        (LABELS + "    series: {uid: 1.2}\n    lables: {1: a}\n", r"line 4: label_maps\[1\]: key lables is unknown"),
        (LABELS + "    series: {uid: 1.2}\n    files: b\n", "files stands twice"),
        (LABELS + "    labels: {1: a}\n", "it has no series"),
        (LABELS + "    series: {uid: 1.2}\n    labels: {0: air}\n", "0: a label is a number from 1"),
        (LABELS + "    series: {uid: 1.2}\n    generation: manual\n", "'manual' is none of MANUAL, SEMIAUTOMATIC"),
        (LABELS + "    series: {uid: 1.2}\n    annotator:\n", "annotator is empty"),
        (LABELS + "    series: {uid: abc}\n", "this is no UID"),
        (LABELS + "    series: {path: '[0-9'}\n", "no regular expression"),
        (LABELS + "    series: {path: '[0-9]+'}\n", "it has no group series_instance_uid"),
        (LABELS + "    series: {list: none.csv}\n", "none.csv: No such file"),
        (LABELS + "    series: {list: wrong.csv}\n", "wrong.csv: .* column series_instance_uid.* must name file"),
        (LABELS + "    series: {list: twice.csv}\n", "twice.csv, line 3: .*another series"),
        (TABLE + "      vol: volume\n", r"line 5: tables\[1\], columns: vol: 'volume' is no attribute"),
        (TABLE + "      vol: Volume\n", "vol: Volume needs a unit; write {attribute: Volume, unit: mm3}"),
        (TABLE + "      vol: {attribute: Volume, unit: mm}\n", "unit mm is none of Volume; there are mm3"),
        (TABLE + "      a: {attribute: label, unit: mm}\n", "label has no unit"),
        (TABLE + "      a: label\n      b: label\n", "b: label is told by a too"),
        (TABLE + "      reader: annotator\n", "no column tells a label or a value"),
        (TABLE + "      a: label\n    constants: {Volume: 3}\n", "a measure is no constant"),
        (TABLE + "      a: label\n    constants: {generation: auto}\n", "'auto' is none of MANUAL"),
        (TABLE + "      a: label\n    decimal_mark: ';'\n", "';' is none of ., ,"),
        (TABLE.replace('    series: {uid: "1.2"}\n', "") + "      a: label\n", "nothing tells the annotated images"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "wrong.csv").write_text("file,series\n")
    (tmp_path / "twice.csv").write_text("file,series_instance_uid\na,1.2\na,1.3\n")
    (tmp_path / "mapping.yml").write_text(text)
    with pytest.raises(MappingError, match=words):
        read_mapping(tmp_path / "mapping.yml")


def test_a_missing_mapping_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.yml: No such file"):
        read_mapping(tmp_path / "none.yml")


def test_the_examples_of_the_docs_are_mappings(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("file,series_instance_uid\n")
    text = (Path(__file__).parents[2] / "docs" / "annotations.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for example in examples:
        (tmp_path / "mapping.yml").write_text(example, encoding="utf-8")
        assert read_mapping(tmp_path / "mapping.yml").rules
    assert len(examples) == 4
    assert not [field for field in (*FIELDS, *MEASURES) if f"`{field}`" not in text]
