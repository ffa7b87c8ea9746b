"""The second step of a scan as its users meet it: what becomes of annotation files, and what a second run does."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from made_annotations import block, ct_series, segmentation
from made_archives import KEY, PROJECT, WHEEL, Connection, kill_readers_of, rows

from extract.cli import main

Run = Callable[..., str]

FILES = "select file_name, form, outcome, reason from icdm_raw.annotation_file order by file_name"
VOLUMES = "select value_as_number from icdm_raw.annotation_value where name = 'Volume'"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)


@pytest.fixture
def run(connection: Connection, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command, and return what it prints."""

    def command(*arguments: str | Path, code: int = 0) -> str:
        returned = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert returned == code, printed.err
        return printed.out + printed.err

    return command


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A CT series and a segmentation of it."""
    images = ct_series(tmp_path / "archive" / "ct")
    segmentation(tmp_path / "archive" / "seg" / "nodule.dcm", images, block())
    return tmp_path / "archive"


def content(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """The rows of annotations, without when they were read."""
    return [
        rows(connection, f"select * from icdm_raw.{table} order by 1, 2, 3, 4")
        for table in ("annotation", "annotation_image", "annotation_value")
    ]


def test_a_scan_takes_the_annotations_on_its_way_and_reads_each_once(
    connection: Connection, run: Run, archive: Path
) -> None:
    printed = run("scan", archive)
    assert "segmentation               1 files, 1 annotations" in printed
    assert rows(connection, FILES) == [("nodule.dcm", "segmentation", "read", None)]
    assert rows(connection, "select label, series_instance_uid, generation, problem from icdm_raw.annotation") == [
        ("nodule", "1.2.9.3", "MANUAL", None)
    ]
    assert rows(connection, "select count(*) from icdm_raw.annotation_image") == [(2,)]
    assert rows(connection, VOLUMES) == [(320,)]
    before = content(connection)
    assert "annotation" not in run("scan", archive)
    assert content(connection) == before


def test_a_changed_file_is_read_again_and_one_that_is_gone_is_forgotten(
    connection: Connection, run: Run, archive: Path
) -> None:
    run("scan", archive)
    larger = block()
    larger[4] = larger[3]
    images = ct_series(archive / "ct")
    segmentation(archive / "seg" / "nodule.dcm", images, larger)
    run("scan", archive)
    assert rows(connection, VOLUMES) == [(480,)]
    (archive / "seg" / "nodule.dcm").unlink()
    run("scan", archive, "--accept-vanished")
    assert rows(connection, FILES) == [] and content(connection) == [[], [], []]


def test_a_file_within_a_zip_archive_is_read_in_place(connection: Connection, run: Run, archive: Path) -> None:
    run("scan", archive)
    before = rows(connection, VOLUMES)
    with ZipFile(archive / "seg.zip", "w") as file:
        file.write(archive / "seg" / "nodule.dcm", "inner/nodule.dcm")
    shutil.rmtree(archive / "seg")
    run("scan", archive, "--accept-vanished")
    assert rows(connection, VOLUMES) == before == [(320,)]


def test_a_label_map_waits_for_its_mapping_and_for_its_series(connection: Connection, run: Run, tmp_path: Path) -> None:
    mask = sitk.GetImageFromArray(block())
    mask.SetSpacing((1, 1, 2))
    (tmp_path / "labels").mkdir()
    sitk.WriteImage(mask, tmp_path / "labels" / "nodule.nii.gz")
    mapping = tmp_path / "mapping.yml"
    mapping.write_text('label_maps:\n  - files: "*.nii.gz"\n    series: {uid: 1.2.9.3}\n    labels: {1: nodule}\n')
    assert "label maps that no mapping names: 1" in run("annotate", tmp_path / "labels")
    assert rows(connection, FILES) == []
    run("annotate", tmp_path / "labels", "--mapping", mapping)
    assert [row[2] for row in rows(connection, FILES)] == ["refused"]
    ct_series(tmp_path / "ct")
    run("scan", tmp_path / "ct")
    run("annotate", tmp_path / "labels", "--mapping", mapping)
    assert [row[2] for row in rows(connection, FILES)] == ["read"] and rows(connection, VOLUMES) == [(320,)]
    assert "annotation" not in run("annotate", tmp_path / "labels", "--mapping", mapping)
    mapping.write_text(mapping.read_text().replace("nodule}", "mass}"))
    run("annotate", tmp_path / "labels", "--mapping", mapping)
    assert rows(connection, "select label from icdm_raw.annotation") == [("mass",)]


def test_a_broken_mapping_is_wrong_use_and_nothing_is_read(connection: Connection, run: Run, tmp_path: Path) -> None:
    (tmp_path / "mapping.yml").write_text("label_map: []\n")
    printed = run("annotate", tmp_path, "--mapping", tmp_path / "mapping.yml", code=2)
    assert "label_map" in printed and str(tmp_path / "mapping.yml") in printed
    assert "No such file" in run("annotate", tmp_path, "--mapping", tmp_path / "absent.yml", code=2)


def test_what_is_no_annotation_or_broken_is_told_apart_from_what_is_read(
    connection: Connection, run: Run, archive: Path
) -> None:
    """Nothing of it stops a run, and no row of another file is touched."""
    whole = (archive / "seg" / "nodule.dcm").read_bytes()
    (archive / "seg" / "cut.dcm").write_bytes(whole[:-40].replace(b"1.2.9.70.2", b"1.2.9.70.3"))
    shutil.copy(WHEEL / "test_files" / "rtstruct.dcm", archive / "seg")
    shutil.copy(WHEEL / "test_files" / "test-SR.dcm", archive / "seg")
    run("scan", archive)
    problems = rows(connection, "select problem from icdm_raw.annotation where file_name = 'cut.dcm'")
    assert "its pixels are cut" in problems[0][0]
    found = {name: (form, outcome) for name, form, outcome, _ in rows(connection, FILES)}
    assert found["rtstruct.dcm"] == ("structure set", "read")
    assert found["test-SR.dcm"][0] == "structured report" and found["test-SR.dcm"][1] != "refused"
    assert rows(connection, "select count(*) from icdm_raw.annotation where file_name = 'nodule.dcm'") == [(1,)]


def test_names_in_labels_are_masked_and_a_reader_is_a_hash(connection: Connection, run: Run, archive: Path) -> None:
    images = ct_series(archive / "ct")
    segmentation(archive / "seg" / "nodule.dcm", images, block(), label="nodule of Marking SYN-0042")
    run("scan", archive)
    ((label, annotator),) = rows(connection, "select label, annotator_key from icdm_raw.annotation")
    assert label == "nodule of *** ***" and len(annotator) == 64
    everything = str(content(connection)).lower()
    assert "marking" not in everything and "syn-0042" not in everything and "reader" not in everything


def test_a_file_that_kills_its_reader_is_named_and_the_next_run_tries_it_again(
    connection: Connection, run: Run, tmp_path: Path
) -> None:
    images = ct_series(tmp_path / "archive" / "ct", slices=200)
    mask = np.tile(block()[2:3], (200, 1, 1))
    deadly = segmentation(tmp_path / "archive" / "seg" / "deadly.dcm", images, mask)
    for number in range(30):
        segmentation(tmp_path / "archive" / "seg" / f"{number}.dcm", images[:6], block(), uid=f"1.2.9.8.{number}")
    run("scan", "--jobs", "1", tmp_path / "archive")
    connection.execute("delete from icdm_raw.annotation_file")
    connection.commit()
    process = subprocess.Popen(
        [sys.executable, "-c", "from extract.cli import main; main()", "scan", str(tmp_path / "archive")],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert kill_readers_of(deadly, process) >= 2
    _, message = process.communicate(timeout=60)
    assert process.returncode == 0, message
    assert rows(connection, "select file_name, reason from icdm_raw.annotation_file where outcome <> 'read'") == [
        ("deadly.dcm", "kills its reader")
    ]
    assert rows(connection, "select count(*) from icdm_raw.annotation_file") == [(31,)]
    run("scan", tmp_path / "archive")
    assert rows(connection, "select count(*) from icdm_raw.annotation_file where outcome = 'read'") == [(31,)]
