"""The vocabulary at work: spellings of files, a site's own mappings, its Athena tables, and Usagi there and back."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from conftest import Site, query, site_at
from pydicom import FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from extract.cli import main
from extract.connection import connect
from extract.usagi import NEEDED, UsagiExportError, read_approved

PROJECT = Path(__file__).parents[2]
SEEDS = PROJECT / "seeds" / "vocabulary"
FOLDED_AWAY = dict.fromkeys(map(ord, " _-/\\,.;:+&()[]\t\n\r"))
RESULTS = ("mapping_coverage", "imaging_study", "site_mappings_left_out", "vocabulary_findings")
MODELS = ["--select", "path:seeds", *(f"+{name}" for name in RESULTS)]

# As scanners and their operators write it; what it means is the name of the concept.
SPELLINGS = {
    "BodyPartExamined": {
        "CHEST": "Chest imaging",
        "Thorax": "Chest imaging",
        "LUNG": "Chest imaging",
        "CHEST PA": "Chest imaging",
        "흉부": "Chest imaging",
        "胸部": "Chest imaging",
        "HEAD": "Imaging of head",
        "TETE": "Imaging of head",
        "두부": "Imaging of head",
        "BRAIN": "Imaging of brain",
        "ABD": "Imaging of abdomen",
        "복부": "Imaging of abdomen",
        "LIVER": "Imaging of liver",
        "PROSTATE": "Imaging of prostate",
        "C-SPINE": "Imaging of cervical spine",
        "CSPINE": "Imaging of cervical spine",
        "Cervical Spine": "Imaging of cervical spine",
        "경추": "Imaging of cervical spine",
        "T_SPINE": "Imaging of thoracic spine",
        "LUMBAR SPINE": "Imaging of lumbar spine",
        "LSPINE": "Imaging of lumbar spine",
        "L-S SPINE": "Imaging of lumbo-sacral spine",
        "CHEST_TO_PELVIS": "Imaging of chest, abdomen and pelvis",
        "CHEST/ABD/PEL": "Imaging of chest, abdomen and pelvis",
        "CHESTABDPELVIS": "Imaging of chest, abdomen and pelvis",
        "Thorax, Abdomen": "Imaging of chest and abdomen",
        "CHESTABDOMEN": "Imaging of chest and abdomen",
        "ABDOMEN PELVIS": "Imaging of abdomen and pelvis",
        "HEADNECK": "Imaging of head and neck",
        "HEAD AND NECK": "Imaging of head and neck",
        "WHOLEBODY": "Imaging of whole body",
        "WB": "Imaging of whole body",
        "KNEE": "Imaging of knee",
        "LEFT KNEE": "Imaging of knee",
        "무릎": "Imaging of knee",
        "WRIST": "Imaging of wrist joint",
        "SHOULDER": "Imaging of shoulder",
        "어깨": "Imaging of shoulder",
        "HIP": "Imaging of hip",
        "EXTREMITY": "Imaging of extremity",
        "BREAST": "Imaging of breast",
        "HEART": "Imaging of heart",
        "CORONARY": "Imaging of coronary artery",
    },
    "Laterality": {"L": "Left", "RIGHT": "Right", "B": "Both sides", "L/R": "Both sides", "U": "Unpaired body part"},
    "PatientPosition": {
        "HFS": "Head first, supine",
        "FFDR": "Feet first, decubitus right",
        "Feet First Prone": "Feet first, prone",
        "STANDING": "Standing upright",
    },
    "Modality": {"CT": "Computed tomography", "SEG": "Segmentation object", "RTSTRUCT": "RT Structure Set object"},
    "ViewPosition": {"AP": "Antero-posterior view", "MLO": "Medio-lateral oblique view of the breast"},
    "BurnedInAnnotation": {"YES": "Yes"},
    "LossyImageCompression": {"00": "No"},
}


def write_file(folder: Path, keyword: str, value: str) -> str:
    """Write a small synthetic radiograph of its own study with one value, and return its SeriesInstanceUID."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = (generate_uid() for _ in range(3))
    dataset.Modality = "CR"
    setattr(dataset, keyword, "A" * 16)
    path = folder / str(dataset.SOPInstanceUID)
    dataset.save_as(path, enforce_file_format=False)
    # pydicom refuses what is against the standard, as small letters and Hangul in a code word are; scanners do not.
    path.write_bytes(path.read_bytes().replace(b"A" * 16, value.encode().ljust(16)))
    return str(dataset.SeriesInstanceUID)


@pytest.fixture(scope="module")
def spelled() -> dict[tuple[str, str], str]:
    return {}


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    database_environment: dict[str, str],
    profiles_directory: Path,
    spelled: dict[tuple[str, str], str],
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("vocabulary")
    with site_at(folder) as site:
        site.archive.mkdir()
        for keyword, meanings in SPELLINGS.items():
            for value in meanings:
                spelled[keyword, value] = write_file(site.archive, keyword, value)
        write_file(site.archive, "BodyPartExamined", "Left Flipper")
        with connect("pytest") as connection:
            connection.execute("drop schema if exists site_cdm, site_vocabulary cascade")
        site.scan()
        site.build(*MODELS)
        yield site


def with_vars(**variables: str) -> list[str]:
    return [*MODELS, "--vars", "{" + ", ".join(f"{name}: {value}" for name, value in variables.items()) + "}"]


def concept_of(series: str, attribute: str) -> list[tuple[object, ...]]:
    return query(
        "select value_as_concept_id, mapped_by from icdm_work.int_series__values_mapped"
        " inner join icdm_raw.series using (series_key)"
        f" where series_instance_uid = '{series}' and attribute = '{attribute}'"
    )


def test_values_get_the_concept_they_mean_however_files_spell_them(
    site: Site, spelled: dict[tuple[str, str], str]
) -> None:
    names = dict(query("select concept_id, concept_name from icdm_vocabulary.value_mapping"))
    meanings: dict[str, dict[str, str]] = {}
    for (keyword, value), series in spelled.items():
        ((concept, mapped_by),) = concept_of(series, keyword)
        assert mapped_by == "seed", (keyword, value)
        meanings.setdefault(keyword, {})[value] = names[concept]
    assert meanings == SPELLINGS


def test_objects_that_are_no_images_have_no_procedure_at_the_study(
    site: Site, spelled: dict[tuple[str, str], str]
) -> None:
    concepts = dict(query("select modality_source_value, modality_concept_id from icdm.imaging_study"))
    assert (concepts["SEG"], concepts["CT"]) == (0, 4300757)


def test_python_and_dbt_read_the_same_cells(site: Site) -> None:
    for path in sorted(SEEDS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        types = dict(
            query(
                "select column_name, data_type from information_schema.columns"
                f" where table_schema = 'icdm_vocabulary' and table_name = '{path.stem}'"
            )
        )
        cells = ", ".join(
            f"coalesce(to_char({name}, 'YYYYMMDD'), '')" if types[name] == "date" else f"coalesce({name}::text, '')"
            for name in rows[0]
        )
        read = query(f"select {cells} from icdm_vocabulary.{path.stem}")
        assert sorted(read) == sorted(map(tuple, rows[1:])), path


def test_source_values_are_folded_as_the_models_fold_them_and_stand_once() -> None:
    with (SEEDS / "value_mapping.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["attribute"], row["source_value"]) for row in csv.DictReader(file)]
    assert all(value == value.translate(FOLDED_AWAY).upper() for _, value in rows)
    assert len(rows) == len(set(rows))


def test_a_sites_own_mapping_goes_first_and_what_does_not_count_is_listed(
    site: Site, spelled: dict[tuple[str, str], str]
) -> None:
    with connect("pytest") as connection:
        connection.execute("create schema site_cdm")
        connection.execute(
            "create table site_cdm.source_to_concept_map (source_code varchar(50), source_concept_id integer,"
            " source_vocabulary_id varchar(20), source_code_description varchar(255), target_concept_id integer,"
            " target_vocabulary_id varchar(20), valid_start_date date, valid_end_date date, invalid_reason varchar(1))"
        )
        rows = [
            ("ICDM_00180015", "c spine", 4086261, "2000-01-01", "2099-12-31"),
            ("ICDM_00180015", "left flipper", 4185916, "2000-01-01", "2099-12-31"),
            ("ICDM_00180015", "BRAIN", 1, "2000-01-01", "2001-12-31"),
            ("OTHER", "BRAIN", 2, "2000-01-01", "2099-12-31"),
        ]
        for vocabulary, code, target, start, end in rows:
            connection.execute(
                "insert into site_cdm.source_to_concept_map values (%s, 0, %s, '', %s, 'SNOMED', %s, %s, null)",
                (code, vocabulary, target, start, end),
            )
    site.build(*with_vars(omop_schema="site_cdm"))
    assert concept_of(spelled["BodyPartExamined", "C-SPINE"], "BodyPartExamined") == [(4086261, "site")]
    assert concept_of(spelled["BodyPartExamined", "BRAIN"], "BodyPartExamined") == [(40481383, "seed")]
    left_out = query("select source_code, target_concept_id, reason from icdm_quality.site_mappings_left_out")
    assert left_out == [("BRAIN", 1, "not valid today")]
    coverage = query("select mapped_by, sum(number_of_series) from icdm_quality.mapping_coverage group by 1 order by 1")
    assert dict(coverage)["site"] == 3 and "none" not in dict(coverage)
    with connect("pytest") as connection:  # nothing of ours stands on a site's table
        connection.execute("drop table site_cdm.source_to_concept_map")
    site.build(*with_vars(omop_schema="site_cdm"))
    assert concept_of(spelled["BodyPartExamined", "C-SPINE"], "BodyPartExamined")[0][1] == "seed"


def test_of_the_vocabulary_exactly_the_wrong_the_invalid_and_the_non_standard_id_are_reported(site: Site) -> None:
    assert query("select * from icdm_quality.vocabulary_findings") == []
    silent = site.dbt("test", "--select", "concepts_wait_for_a_vocabulary", "concepts_are_those_of_the_vocabulary")
    assert silent.returncode == 0 and "WARN 1 concepts_wait_for_a_vocabulary" in silent.stdout

    with connect("pytest") as connection:
        connection.execute("create schema site_vocabulary")
        connection.execute(
            "create table site_vocabulary.concept as"
            " select concept_id, coalesce(concept_name, 'a name') as concept_name, domain_id,"
            " coalesce(vocabulary_id, 'SNOMED') as vocabulary_id, 'any' as concept_class_id,"
            " case when not is_custom then 'S' end as standard_concept, coalesce(concept_code, 'any') as concept_code,"
            " date '1970-01-01' as valid_start_date, date '2099-12-31' as valid_end_date, '' as invalid_reason"
            " from icdm_work.int_vocabulary__concepts_used where not is_custom or concept_id = 2140000001"
        )
    variables = with_vars(vocabulary_schema="site_vocabulary")[-2:]
    vocabulary = [*MODELS, "+dq_61_concept_valid", *variables]
    broken = "select record_key, observed from icdm_quality.dq_61_concept_valid where is_violation order by 1"
    site.build(*vocabulary)
    assert query("select * from icdm_quality.vocabulary_findings") == query(broken) == []
    checked = site.dbt("test", *variables, "--select", "concepts_wait_for_a_vocabulary")
    assert "PASS concepts_wait_for_a_vocabulary" in checked.stdout

    with connect("pytest") as connection:
        connection.execute(
            "update site_vocabulary.concept set concept_id = 1 where concept_id = 4324693;"
            "update site_vocabulary.concept set invalid_reason = 'D' where concept_id = 4037672;"
            "update site_vocabulary.concept set standard_concept = null where concept_id = 4305790;"
            "update site_vocabulary.concept set domain_id = 'Observation' where concept_id = 8588;"
            "update site_vocabulary.concept set concept_code = '77477001' where concept_id = 4300757;"
            "update site_vocabulary.concept set vocabulary_id = 'LOINC' where concept_id = 2140000001"
        )
    site.build(*vocabulary)
    assert query("select concept_id, finding from icdm_quality.vocabulary_findings order by 1") == [
        (8588, "domain Observation"),
        (4037672, "invalid"),
        (4300757, "code 77477001"),
        (4305790, "not standard"),
        (4324693, "not in the vocabulary"),
        (2140000001, "vocabulary LOINC"),
    ]
    assert query(broken) == [
        ("imaging_series.series_concept_id 2140000001", "vocabulary LOINC"),
        ("imaging_series.value_as_concept_id 4300757", "code 77477001"),
        ("imaging_study.modality_concept_id 4300757", "code 77477001"),
    ]
    failing = site.dbt("test", *variables, "--select", "concepts_are_those_of_the_vocabulary")
    assert failing.returncode == 1 and "FAIL 6 concepts_are_those_of_the_vocabulary" in failing.stdout


def test_the_mapping_that_contributing_shows_passes_the_tests_of_the_seed(site: Site) -> None:
    (row,) = re.findall(
        "^BodyPartExamined,LOWERJAW,.*$", (PROJECT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    seed = site.project / "seeds" / "vocabulary" / "value_mapping.csv"
    before = seed.read_text("utf-8")
    seed.write_text(f"{before}{row}\n", "utf-8")
    built = site.dbt("build", "--select", "value_mapping")
    seed.write_text(before, "utf-8")
    assert built.returncode == 0 and "PASS value_mapping_target_is_a_real_concept" in built.stdout, built.stdout


def usagi(folder: Path, *mappings: dict[str, str]) -> Path:
    path = folder / "usagi.csv"
    columns = [*NEEDED, "sourceName", "sourceFrequency", "comment"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({"mappingStatus": "APPROVED", "equivalence": "EQUAL", **mapping} for mapping in mappings)
    return path


def test_what_nothing_maps_goes_to_usagi_and_comes_back_as_a_row_of_the_seed(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.build(*MODELS)
    assert main(["unmapped", str(tmp_path / "unmapped.csv")]) == 0
    with (tmp_path / "unmapped.csv").open(encoding="utf-8") as file:
        (unmapped,) = csv.DictReader(file)
    assert unmapped == {
        "source_code": "BodyPartExamined:LEFTFLIPPER",
        "source_name": "Left Flipper",
        "source_frequency": "1",
        "attribute": "BodyPartExamined",
    }
    target = {"conceptId": "4185916", "conceptName": "Imaging of upper limb", "domainId": "Procedure"}
    export = usagi(tmp_path, {"sourceCode": unmapped["source_code"], **target, "comment": "of a seal"})
    capsys.readouterr()
    assert main(["usagi", str(export)]) == 0
    seed = site.project / "seeds" / "vocabulary" / "value_mapping.csv"
    printed = capsys.readouterr().out
    header = seed.read_text("utf-8").splitlines()[0]
    (row,) = csv.DictReader(StringIO(f"{header}\n{printed}"))
    assert {column: value for column, value in row.items() if value} == {
        "attribute": "BodyPartExamined",
        "source_value": "LEFTFLIPPER",
        "concept_id": "4185916",
        "concept_name": "Imaging of upper limb",
        "domain_id": "Procedure",
        "equivalence": "EQUAL",
        "status": "reviewed",
        "mapped_by": "usagi",
        "source": "Usagi mapping usagi.csv",
        "note": "of a seal",
    }
    before = seed.read_text("utf-8")
    seed.write_text(before + printed, "utf-8")
    site.build(*MODELS)
    assert query("select count(*) from icdm_quality.mapping_coverage where mapped_by = 'none'") == [(0,)]
    seed.write_text(before, "utf-8")


def test_what_usagi_did_not_settle_is_left_out_with_the_reason(tmp_path: Path) -> None:
    target = {"conceptId": "1", "conceptName": "One", "domainId": "Procedure"}
    export = usagi(
        tmp_path,
        {"sourceCode": "Modality:A", **target},
        {"sourceCode": "Modality:B", **target, "mappingStatus": "UNCHECKED"},
        {"sourceCode": "Modality:C", **target},
        {"sourceCode": "Modality:C", **target, "conceptId": "2"},
        {"sourceCode": "Modality:D", "conceptId": "0"},
        {"sourceCode": "Modality:E", **target, "equivalence": "UNREVIEWED"},
        {"sourceCode": "F", **target},
    )
    rows, left_out = read_approved(export, ("attribute", "source_value"))
    assert [row["source_value"] for row in rows] == ["A"]
    assert [line.split(": ")[0] for line in left_out] == [f"Modality:{c}" for c in "BCCDE"] + ["F"]
    export.write_text("source_code,source_name\nA,B\n")
    with pytest.raises(UsagiExportError, match=r"columns sourceCode, .* are missing; save the mapping in Usagi"):
        read_approved(export, ())
