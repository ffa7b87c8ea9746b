"""From files to the published tables: scanned, built, and compared with an independent reading of the files."""

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml
from conftest import Site, query, site_at
from rule_recount import Recount

from extract.connection import connect
from extract.synthetic import DICOM_FOLDER, write_demo_data

PROJECT = Path(__file__).parents[2]
WIDE = PROJECT / "models" / "series" / "imaging_series_wide"
KEYS = ("imaging_study_id", "unique_series_id", "person_id", "filepath_id")
COMMENTS = (
    "select attname, col_description(attrelid, attnum) from pg_attribute"
    " where attrelid = 'icdm_analysis.imaging_series_wide'::regclass and attnum > 0 and not attisdropped"
)
TABLES = ("imaging_study", "imaging_series", "imaging_annotation", "filepath")


def contents() -> dict[str, list[tuple[Any, ...]]]:
    return {table: query(f"select * from icdm.{table} order by 1") for table in TABLES}


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    archive = folder / "archive"
    write_demo_data(folder / "cohort", patients=3)
    shutil.copytree(folder / "cohort" / DICOM_FOLDER, archive / "cohort")
    shutil.copytree(Path(pydicom.__path__[0]) / "data", archive / "pydicom")
    with site_at(folder) as site:
        site.scan()
        site.build()
        yield site


@dataclass
class ReadSeries:
    """What pydicom says of a series, read here without the extractor."""

    instances: set[str]
    values: dict[str, Counter[str]]


def read_independently(archive: Path) -> dict[tuple[str, str], ReadSeries]:
    keywords = ("Modality", "Manufacturer", "SeriesDescription", "SliceThickness", "Rows", "BodyPartExamined")
    series: dict[tuple[str, str], ReadSeries] = defaultdict(lambda: ReadSeries(set(), defaultdict(Counter)))
    seen: dict[str, int] = {}
    for path in sorted(p for p in archive.rglob("*") if p.is_file()):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            key = (str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID))
            instance = str(dataset.SOPInstanceUID)
        except (AttributeError, pydicom.errors.InvalidDicomError, TypeError):
            continue
        if not all((*key, instance)):
            continue
        seen[instance] = seen.get(instance, 0) + 1
        if seen[instance] == 1:
            found = series[key]
            found.instances.add(instance)
            for keyword in keywords:
                value = dataset.get(keyword)
                if value not in (None, ""):
                    found.values[keyword][str(getattr(value, "original_string", value)).strip()] += 1
    # Which of several copies counts is another test's question: here their series are left out.
    repeated = {instance for instance, count in seen.items() if count > 1}
    return {key: found for key, found in series.items() if not found.instances & repeated}


@pytest.mark.filterwarnings("ignore")  # pydicom's, on the broken files
def test_studies_series_instances_and_values_equal_an_independent_reading(site: Site) -> None:
    published: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for study, series, attribute, value in query(
        "select study_instance_uid, unique_series_id, series_source_value, value_source_value"
        " from icdm.imaging_series inner join icdm.imaging_study using (imaging_study_id)"
    ):
        published[study, series][attribute] = value
    independent = read_independently(site.archive)
    assert len(independent) > 60
    for key, found in independent.items():
        assert published[key]["NumberOfInstances"] == str(len(found.instances))
        for keyword, counts in found.values.items():
            most = max(counts.values())
            expected = min(value for value, count in counts.items() if count == most)
            assert published[key].get(keyword, "") == expected, (key, keyword)


def test_the_counts_of_the_rules_equal_an_independent_recount(site: Site) -> None:
    """On pydicom's own files of many makers, broken ones among them, many rules are broken."""
    counted = {
        rule_id: (checked, failed)
        for rule_id, checked, failed in query("select rule_id, checked, failed from icdm_quality.dq_result")
    }
    recounted = Recount().counts()
    assert recounted == {rule_id: counted[rule_id] for rule_id in recounted}
    assert sum(checked > 0 for checked, _ in recounted.values()) > 20
    assert sum(failed > 0 for _, failed in recounted.values()) > 8


def test_a_build_without_new_files_leaves_every_row_alone(site: Site) -> None:
    versions = "select imaging_series_id, xmin::text from icdm.imaging_series order by 1"
    before = query(versions)
    site.build()
    assert query(versions) == before


def test_the_wide_table_holds_every_value_and_is_documented_as_the_seed_says(site: Site) -> None:
    expected: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for study, series, column, value in query(
        """
        select imaging_study_id, unique_series_id, column_name,
            case holds
                when 'value_as_number' then value_as_number::text
                when 'value_as_concept_id' then value_as_concept_id::text
                else value_source_value
            end
        from icdm.imaging_series inner join icdm_work.int_series__wide_columns on series_source_value = attribute
        """
    ):
        if value is not None:
            expected[study, series][column] = value
    wide: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for study, series, column, value in query(
        "select imaging_study_id, unique_series_id, key, value from icdm_analysis.imaging_series_wide as wide,"
        " jsonb_each_text(to_jsonb(wide)) where value is not null"
    ):
        if column not in KEYS:
            wide[study, series][column] = value
    assert wide == expected and len(wide) > 100
    (model,) = yaml.safe_load(WIDE.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
    documented = {column["name"]: column["description"] for column in model["columns"] if column["name"] not in KEYS}
    assert documented == {name: text for name, text in query(COMMENTS) if name not in KEYS}, "run `make wide-columns`"


def test_incremental_builds_equal_a_full_one_and_spare_the_views_of_others(site: Site) -> None:
    with connect("pytest") as connection:
        connection.execute("create or replace view public.of_a_site as select count(*) from icdm.imaging_series")
    before = contents()
    ct_series = min(path.parent for path in (site.archive / "cohort").rglob("*.dcm"))
    shutil.copytree(ct_series, site.archive / "a_copy")  # copies: listed, not counted
    shutil.rmtree(site.archive / "pydicom" / "charset_files")  # vanished studies
    changed = max((site.archive / "cohort").rglob("*.dcm"))
    dataset = pydicom.dcmread(changed)
    dataset.SeriesDescription = "CHANGED AFTER THE FIRST SCAN"
    dataset.save_as(changed)
    site.scan("--accept-vanished")
    site.build()
    incremental = contents()
    assert incremental["imaging_study"] != before["imaging_study"]
    assert query("select * from public.of_a_site") == [(len(incremental["imaging_series"]),)]
    site.build("--full-refresh")
    assert contents() == incremental


def test_the_row_that_contributing_shows_publishes_another_attribute(site: Site) -> None:
    (row,) = re.findall("^PercentSampling,.*$", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    with (site.project / "seeds" / "vocabulary" / "dicom_attribute.csv").open("a", encoding="utf-8") as seed:
        seed.write(row + "\n")
    site.scan()
    site.build()
    published = query(
        "select distinct value_as_number is not null, unit_source_value, series_concept_id from icdm.imaging_series"
        " where series_source_value = 'PercentSampling'"
    )
    assert published == [(True, "%", 0)]
    assert (
        query("select count(*) from icdm_analysis.imaging_series_wide where percent_sampling > 0")[0][0]
        == (query("select count(*) from icdm.imaging_series where series_source_value = 'PercentSampling'")[0][0])
    )
    assert dict(query(COMMENTS))["percent_sampling"] == (
        "Share of the lines of k-space that were taken. PercentSampling (0018,0093), in %."
    )
    assert query("select count(*) from icdm_work.stg_dicom__header_layouts where is_current") == [(1,)]
    tests = site.dbt("test", "--select", "dicom_attribute", "files_wait_for_a_scan")
    assert tests.returncode == 0, tests.stdout


def test_two_rows_of_one_id_stop_the_build_and_are_listed(site: Site) -> None:
    """Also where one of them is published already."""
    ((taken,),) = query("select min(imaging_study_id) from icdm.imaging_study")
    ((other,),) = query("select study_instance_uid from icdm.imaging_study order by imaging_study_id desc limit 1")
    macro = site.project / "macros" / "dialect" / "postgres.sql"
    hashed = "('x' || left(md5({{ text }}), 13))::bit(52)::bigint"
    original = macro.read_text(encoding="utf-8")
    assert hashed in original
    colliding = f"case when {{{{ text }}}} = '0|imaging_study|{other}' then {taken} else {hashed} end"
    macro.write_text(original.replace(hashed, colliding), encoding="utf-8")
    result = site.dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    assert result.returncode == 1
    assert f"Key (imaging_study_id)=({taken}) already exists" in result.stdout
    listed = query("select row_to_add from icdm_quality.id_collisions where cdm_table = 'imaging_study'")
    assert len(listed) == 1 and listed[0][0].startswith("imaging_study,")
    macro.write_text(original, encoding="utf-8")
    site.build()


def test_the_paper_profile_publishes_the_attributes_of_table_1_alone(site: Site) -> None:
    site.build("--vars", "attribute_profile: paper")
    names = {name for (name,) in query("select distinct series_source_value from icdm.imaging_series")}
    assert names == {
        "BodyPartExamined",
        "Laterality",
        "SliceThickness",
        "SeriesDescription",
        "WindowCenter",
        "WindowWidth",
        "PatientPosition",
        "Columns",
        "Rows",
        "NumberOfInstances",
        "BlackBlood",
    }
    modalities = query("select count(*) from icdm.imaging_study where modality_source_value = 'CT'")
    assert modalities[0][0] > 5


def test_a_build_that_a_scan_overtakes_says_so(site: Site) -> None:
    with connect("pytest") as connection:
        connection.execute("update icdm_raw.series set changed_batch = changed_batch + 1000000")
    result = site.dbt("test", "--select", "raw_rows_did_not_move_under_the_build")
    assert result.returncode == 1
    assert "raw_rows_did_not_move_under_the_build" in result.stdout
