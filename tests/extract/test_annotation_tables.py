"""From files of annotations to imaging_annotation, against what the generator of the synthetic cohort says it drew."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Site, query, site_at

from extract.cli import main
from extract.connection import connect
from extract.synthetic import write_demo_data

MODELS = ["--select", "+path:models/scenarios", "+path:models/quality/rules", "annotation_findings", "annotation_files"]
# Lesions of 15 mm and more: volume and surface of a mask in voxels of up to 2 mm, long axis within a voxel.
TOLERANCE = {"Volume": 0.02, "SurfaceArea": 0.05, "LongAxis": 0.07}


class Drawn(NamedTuple):
    """A lesion as the generator drew it."""

    file: str
    number: str
    truth: dict[str, str]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("annotation_tables")
    with site_at(folder) as site:
        write_demo_data(site.archive, patients=6)
        site.scan()
        annotate(site)
        site.build(*MODELS)
        yield site


def annotate(site: Site) -> None:
    folder = site.archive / "annotations"
    options = ["--mapping", str(folder / "mapping.yml"), "--identifiers", "clear"]
    assert main(["annotate", str(folder), *options]) == 0


def drawn(site: Site) -> list[Drawn]:
    with (site.archive / "annotations" / "truth.csv").open(encoding="utf-8", newline="") as file:
        # A mask in NIfTI holds one lesion, whose voxels are 1.
        return [
            Drawn(
                row["annotation_series_instance_uid"] or row["file"],
                "1" if row["form"] == "NIFTI" else row["number"],
                row,
            )
            for row in csv.DictReader(file)
        ]


def published() -> dict[tuple[str, str], dict[str, Any]]:
    """The published lesions by their file (its series, for DICOM) and number, with the values of each attribute."""
    lesions: dict[tuple[str, str], dict[str, Any]] = {}
    for file, study, series, attribute, number, text in query(
        "select coalesce(files.series_instance_uid, ltrim(split_part(filepath.filepath, '/annotations/', 2), '/')),"
        " imaging_study.study_instance_uid, unique_series_id, annotation_source_value, value_as_number,"
        " value_source_value from icdm.imaging_annotation left join icdm.imaging_study using (imaging_study_id)"
        " inner join icdm.filepath on imaging_annotation.filepath_id = filepath.filepath_id"
        " inner join icdm_work.int_filepath__rows_identified as paths on filepath.filepath_id = paths.filepath_id"
        " left join icdm_raw.series as files on paths.series_key = files.series_key"
        " order by annotation_group_id, (annotation_source_value <> 'AnnotationNumber')"
    ):
        if attribute == "AnnotationNumber":
            lesion = lesions[file, text] = {"study": study, "series": series}
        lesion[attribute] = text if number is None else number
    return lesions


def test_every_lesion_is_published_with_its_images_and_measures(site: Site) -> None:
    lesions = published()
    checked = 0
    for file, number, truth in drawn(site):
        # The rows of the readers are numbered by the table, and their measures are theirs.
        if truth["fault"] or truth["form"] == "READERS_CSV":
            continue
        lesion = lesions[file, number]
        assert (lesion["study"], lesion["series"]) == (truth["study_instance_uid"], truth["series_instance_uid"])
        if Decimal(truth["long_axis_mm"]) < 15:
            continue
        for attribute, keyword in {
            "Volume": "volume_mm3",
            "SurfaceArea": "surface_area_mm2",
            "LongAxis": "long_axis_mm",
        }.items():
            if attribute in lesion:
                assert float(lesion[attribute]) == pytest.approx(float(truth[keyword]), rel=TOLERANCE[attribute])
                checked += 1
    assert checked > 40


def test_several_readers_of_a_lesion_stay_several(site: Site) -> None:
    rows = [truth for _, _, truth in drawn(site) if truth["form"] == "READERS_CSV"]
    readers = query(
        "select count(*), count(distinct annotator_key) from icdm_analysis.annotated_lesion"
        f" where tracking_id = '{rows[0]['tracking_id']}' and annotator_key is not null"
        " and filepath_id in (select filepath_id from icdm.filepath where file_name = 'readers.csv')"
    )
    of_lesion = [truth for truth in rows if truth["tracking_id"] == rows[0]["tracking_id"]]
    assert readers == [(len(of_lesion), len({truth["reader"] for truth in of_lesion}))]


def test_each_fault_that_was_put_in_is_found_by_its_rule_alone(site: Site) -> None:
    faults = {truth["fault"]: (file, number) for file, number, truth in drawn(site) if truth["fault"]}
    assert query("select count(*) from icdm_quality.dq_63_frame_of_reference_agrees where is_violation") == [(1,)]
    assert query("select count(*) from icdm_quality.dq_64_annotation_same_patient where is_violation") == [(1,)]
    assert query("select count(*) from icdm_quality.dq_62_annotated_images_in_series where is_violation") == [(0,)]
    unknown = query(
        "select distinct annotation_group_id::text from icdm.imaging_annotation"
        " where imaging_annotation_id::text in"
        " (select record_key from icdm_quality.dq_41_annotated_series_known where is_violation)"
    )
    found = query("select finding, annotation_group_id::text from icdm_quality.annotation_findings")
    assert len(unknown) == 1
    assert [group for finding, group in found if finding == "annotated series unknown"] == [unknown[0][0]]
    assert {"EMPTY_SEGMENT", "POINTS"} < set(faults)
    assert len([group for finding, group in found if finding == "no measures"]) == 2
    lesion = published()[faults["UNKNOWN_SERIES"]]
    assert query(f"select 1 from icdm.imaging_series where unique_series_id = '{lesion['series']}'") == []


def test_the_solid_parts_are_found_in_their_nodules(site: Site) -> None:
    parts = query(
        "select count(*), count(nodule_group_id) from icdm_analysis.scenario_2_lesions"
        " inner join icdm_analysis.annotated_lesion using (annotation_group_id)"
        " where kind = 'solid_part' and tracking_uid is not null"
    )
    assert parts[0][0] == parts[0][1] > 0


def test_codes_are_looked_up_in_the_sites_vocabulary(site: Site) -> None:
    with connect("pytest") as connection:
        connection.execute("drop schema if exists annotation_vocabulary cascade")
        connection.execute("create schema annotation_vocabulary")
        connection.execute(
            "create table annotation_vocabulary.concept as select 7 as concept_id, 'Nodule' as concept_name,"
            " 'Observation' as domain_id, 'SNOMED' as vocabulary_id, 'S' as standard_concept,"
            " '27925004' as concept_code, '' as invalid_reason"
        )
    site.build(*MODELS, "--vars", "vocabulary_schema: annotation_vocabulary")
    concepts = (
        "select distinct value_as_concept_id from icdm.imaging_annotation where value_source_value like '27925004^%'"
    )
    assert query(concepts) == [(7,)]
    site.build(*MODELS)
    assert query(concepts) == [(2140030107,)]


def test_what_vanishes_is_gone_and_the_rest_keeps_its_ids(site: Site) -> None:
    before = dict(query("select imaging_annotation_id, filepath_id from icdm.imaging_annotation"))
    (site.archive / "annotations" / "readers.csv").unlink()
    ((gone,),) = query("select filepath_id from icdm.filepath where file_name = 'readers.csv'")
    annotate(site)
    site.build()
    after = dict(query("select imaging_annotation_id, filepath_id from icdm.imaging_annotation"))
    assert after == {row: file for row, file in before.items() if file != gone}
    assert 0 < len(after) < len(before)
    assert query("select count(*) from icdm.filepath where file_name = 'readers.csv'") == [(0,)]
    assert query("select count(*) from icdm_quality.reconciliation where left_count <> right_count") == [(0,)]
    site.build("--full-refresh")
    assert dict(query("select imaging_annotation_id, filepath_id from icdm.imaging_annotation")) == after
