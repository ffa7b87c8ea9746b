"""The description rules on descriptions as scanners and hospitals write them: files, scanned, built, and read back.

The two tables in tests/fixtures are synthetic. Each line is one series: Modality, SeriesDescription and ProtocolName as
the files have them, `headers` with further attributes (keyword=value, parted by semicolons), then what a reader says of
it; an empty cell is undecided, several regions are joined by +. `descriptions.csv` is what the rules were written
against, `holdout.csv` was written after them.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from conftest import query, site_at
from pydicom.dataset import Dataset, FileMetaDataset

PROJECT = Path(__file__).parents[2]
FIXTURES = PROJECT / "tests" / "fixtures"
CHARACTERISTICS = (
    "Plane",
    "ContrastEnhanced",
    "LowDose",
    "Weighting",
    "BlackBlood",
    "Localizer",
    "Reformat",
    "AnatomicRegion",
)
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}
#: Keywords of VR FD, which pydicom takes as numbers only.
FLOATS = ("CTDIvol", "DiffusionBValue")
#: What the rules must reach on each table, for every characteristic.
LEAST = {"descriptions": 0.99, "holdout": 0.97}

Row = dict[str, str]
#: Attribute to value and concept, by SeriesInstanceUID.
Published = dict[str, dict[str, tuple[str, int | None]]]
NOTHING = {"Modality": "CT", "SeriesDescription": "", "ProtocolName": "", "headers": ""}
OF_CONTRIBUTING = "2.25.9"


@dataclass(frozen=True)
class Score:
    """Of the series a reader decided and of those the rules decided, how many agree."""

    expected: int
    decided: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.decided if self.decided else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0


def rows_of(table: str) -> list[Row]:
    with (FIXTURES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_file(path: Path, uid: str, row: Row) -> None:
    """One image without pixels, a study of its own."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SOP_CLASSES[row["Modality"]]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uid, f"{uid}.1", f"{uid}.1.1"
    for keyword in ("Modality", "SeriesDescription", "ProtocolName"):
        if row[keyword]:
            setattr(dataset, keyword, row[keyword])
    for header in filter(None, row["headers"].split(";")):
        keyword, value = header.split("=", 1)
        values = value.split("\\")
        setattr(dataset, keyword, values if len(values) > 1 else float(value) if keyword in FLOATS else value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Published:
    """What imaging_series holds of every row of the tables, and of the description that CONTRIBUTING has a rule for."""
    (rule,) = re.findall("^LowDose,text,.*$", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    with site_at(tmp_path_factory.mktemp("descriptions")) as site:
        with (site.project / "seeds" / "vocabulary" / "description_rule.csv").open("a", encoding="utf-8") as seed:
            seed.write(rule + "\n")
        for number, table in enumerate(LEAST, 1):
            for line, row in enumerate(rows_of(table), 1):
                write_file(site.archive / table / f"{line:04d}.dcm", f"2.25.{number}.{line}", row)
        of_contributing = {**NOTHING, "SeriesDescription": "Thorax MINIDOSE"}
        write_file(site.archive / "of_contributing.dcm", OF_CONTRIBUTING, of_contributing)
        site.scan()
        site.build("--select", "+imaging_series", "+characteristic_disagreements")
    found: Published = {}
    for series, attribute, value, concept in query(
        "select unique_series_id, series_source_value, value_source_value, value_as_concept_id"
        " from icdm.imaging_series order by unique_series_id, series_source_value"
    ):
        found.setdefault(series, {})[attribute] = (value, concept)
    return found


def said_of(values: dict[str, tuple[str, int | None]], characteristic: str) -> str:
    """The value of a characteristic, several regions joined by +."""
    names = [name for name in values if name.split("[")[0] == characteristic]
    return "+".join(values[name][0] for name in names)


@pytest.mark.parametrize("table", list(LEAST))
def test_the_rules_agree_with_a_reader(table: str, published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    number = list(LEAST).index(table) + 1
    rows = rows_of(table)
    scores = {}
    differences = []
    for characteristic in CHARACTERISTICS:
        said = [said_of(published[f"2.25.{number}.{line}.1"], characteristic) for line in range(1, len(rows) + 1)]
        expected = [row[characteristic] for row in rows]
        right = sum(a == b != "" for a, b in zip(said, expected, strict=True))
        scores[characteristic] = Score(sum(map(bool, expected)), sum(map(bool, said)), right)
        differences += [
            f"  {characteristic}: {row['Modality']} {row['SeriesDescription']!r} {row['ProtocolName']!r}"
            f" {row['headers']} is {b or 'undecided'}, the rules say {a or 'undecided'}"
            for a, b, row in zip(said, expected, rows, strict=True)
            if a != b
        ]
    lines = [f"{table}.csv, {len(rows)} series", f"{'':<18}{'expected':>9}{'decided':>9}{'precision':>11}{'recall':>9}"]
    lines += [
        f"{name:<18}{score.expected:>9}{score.decided:>9}{score.precision:>11.3f}{score.recall:>9.3f}"
        for name, score in scores.items()
    ]
    with capsys.disabled():
        print("\n" + "\n".join([*lines, *differences]))
    for name, score in scores.items():
        assert min(score.precision, score.recall) >= LEAST[table], name


def test_every_characteristic_has_a_concept(published: Published) -> None:
    unmapped = {
        (name, value)
        for values in published.values()
        for name, (value, concept) in values.items()
        if name.split("[")[0] in CHARACTERISTICS and not concept
    }
    assert unmapped == set()


def test_the_rule_that_contributing_shows_is_read(published: Published) -> None:
    assert published[f"{OF_CONTRIBUTING}.1"]["LowDose"] == ("YES", 45877994)


def test_headers_that_contradict_each_other_are_listed(published: Published) -> None:
    listed = query(
        "select characteristic, decided_value, decided_by, other_value, other_evidence"
        " from icdm_quality.characteristic_disagreements where other_text = 'CHEST CORONAL'"
    )
    assert listed == [("Plane", "AXIAL", "ImageOrientationPatient", "CORONAL", "SeriesDescription")]
