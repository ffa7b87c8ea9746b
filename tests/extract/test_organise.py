"""Series laid out in folders that say what they are: from files and archives, and never at the cost of a file."""

import csv
import errno
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pytest
from conftest import Site, query
from made_archives import IMAGES, PLAIN, ZIPPED

from extract.cli import main
from extract.connection import connect

SMALL = {f"{series}.{number}" for series, images in IMAGES.items() for number in range(images)}
ONLY_SMALL = ("--from", "results.small")


@pytest.fixture
def site(for_people: Site) -> Site:
    """Relations that choose series: the one in the zip archive, one that is unknown, and those of the small archive."""
    with connect("pytest") as connection:
        connection.execute("create schema if not exists results")
        connection.execute("drop table if exists results.zipped")
        connection.execute("create table results.zipped (unique_series_id varchar)")
        connection.execute(f"insert into results.zipped values ('{ZIPPED}'), ('1.2.9.99'), (null)")
        connection.execute(
            "create or replace view results.small as select distinct imaging_study_id, unique_series_id"
            " from icdm_analysis.series_file where folder_path like '%/small/%'"
        )
    return for_people


def instances(archive: Path) -> set[str]:
    """The SOPInstanceUIDs of an archive, members of zip files included, as pydicom reads them."""
    found = set()
    for path in (path for path in archive.rglob("*") if path.is_file()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as zipped:
                found |= {pydicom.dcmread(zipped.open(name)).SOPInstanceUID for name in zipped.namelist()}
        elif pydicom.misc.is_dicom(path):
            found.add(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
    return found


def laid_out(destination: Path) -> dict[str, Path]:
    """The files below a folder by SOPInstanceUID; each must be a whole DICOM file that stands in its series' folder."""
    found: dict[str, Path] = {}
    folders = dict(
        query(
            "select unique_series_id, value_source_value from icdm.imaging_series"
            " where series_source_value = 'SeriesFolderName'"
        )
    )
    for path in sorted(path for path in destination.rglob("*") if not path.is_dir()):
        dataset = pydicom.dcmread(path)
        assert dataset.SOPInstanceUID not in found
        assert path.parent.name == folders[dataset.SeriesInstanceUID]
        number = dataset.get("InstanceNumber")
        assert path.name.startswith("unnumbered_" if number is None else f"{number:04}_") and path.suffix == ".dcm"
        found[dataset.SOPInstanceUID] = path
    return found


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_without_a_method_all_is_told_and_nothing_written(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(tmp_path / "new"), *ONLY_SMALL]) == 0
    assert not (tmp_path / "new").exists()
    told = capsys.readouterr().out
    assert "8 files of 3 series" in told and "Nothing was written" in told
    ((folder,),) = query(
        f"select distinct organised_folder from icdm_analysis.series_file where unique_series_id = '{ZIPPED}'"
    )
    assert folder.startswith("unlinked/undated_") and f"{folder}  3 files" in told


@pytest.mark.parametrize("method", ["--hard-link", "--symlink", "--copy"])
def test_each_instance_has_one_whole_file_and_a_second_run_leaves_all_as_it_is(
    site: Site, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = identities(site.archive)
    assert main(["organise", str(tmp_path), method]) == 0
    found = laid_out(tmp_path)
    assert set(found) == instances(site.archive) and set(found) > SMALL
    people = {path.name for path in tmp_path.iterdir()}
    assert people == {f"person_{person}" for (person,) in query("select person_id from demo_cdm.person")} | {"unlinked"}
    plain, zipped = found[f"{PLAIN}.1"], found[f"{ZIPPED}.1"]
    assert plain.read_bytes() == (site.archive / "small" / "plain" / "IM1").read_bytes()
    assert plain.is_symlink() is (method == "--symlink")
    assert plain.samefile(site.archive / "small" / "plain" / "IM1") is (method != "--copy")
    with zipfile.ZipFile(site.archive / "small" / "sent.zip") as archive:
        assert zipped.read_bytes() == archive.read("inner/1") and not zipped.is_symlink()
    before = identities(tmp_path)
    capsys.readouterr()
    assert main(["organise", str(tmp_path), method]) == 0
    assert f"there already {len(found):>46,}" in capsys.readouterr().out
    # Another method leaves what is there: its content is right.
    assert main(["organise", str(tmp_path), "--copy"]) == 0
    assert identities(tmp_path) == before and identities(site.archive) == sources


def test_a_file_in_the_way_is_kept_and_what_is_gone_or_changed_is_named(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(tmp_path), "--copy", *ONLY_SMALL]) == 0
    found = laid_out(tmp_path)
    in_the_way = found[f"{ZIPPED}.2"]
    size = in_the_way.stat().st_size
    in_the_way.write_bytes(b"x" * size)
    for number in (0, 1, 3):
        found[f"{PLAIN}.{number}"].unlink()
    gone, changed = site.archive / "small" / "plain" / "IM1", site.archive / "small" / "plain" / "IM3"
    kept = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (gone, changed)}
    gone.unlink()
    changed.write_bytes(kept[changed][0] + b"\0")
    capsys.readouterr()
    try:
        assert main(["organise", str(tmp_path), "--copy", *ONLY_SMALL]) == 1
    finally:
        for path, (content, modified) in kept.items():
            path.write_bytes(content)
            os.utime(path, ns=(modified, modified))
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(
        [
            f"{in_the_way}: refused: another file stands in its place",
            f"{gone}: missing: the file is gone since the scan",
            f"{changed}: changed since the scan: scan and build again",
        ]
    )
    assert in_the_way.read_bytes() == b"x" * size
    there = {number for number in range(4) if found[f"{PLAIN}.{number}"].exists()}
    assert there == {0, 2}


def test_a_relation_chooses_the_series_and_those_without_files_are_told(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(tmp_path), "--copy", "--from", "results.zipped"]) == 1
    assert set(laid_out(tmp_path)) == {f"{ZIPPED}.{number}" for number in range(IMAGES[ZIPPED])}
    assert "series of results.zipped that have no files here: 1" in capsys.readouterr().out
    for relation, complaint in (("results.nothing", "no such table"), ("icdm.filepath", "no column unique_series_id")):
        assert main(["organise", str(tmp_path), "--copy", "--from", relation]) == 2
        assert complaint in capsys.readouterr().err


def test_a_stopped_run_and_a_broken_archive_leave_no_half_file(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_files_only = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
    program = f"{small_files_only} from extract.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "organise", str(tmp_path), "--copy", *ONLY_SMALL]
    stopped = subprocess.run(command, capture_output=True, text=True)
    assert stopped.returncode == 1 and os.strerror(errno.EFBIG) in stopped.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    archive = site.archive / "small" / "sent.zip"
    content, modified = archive.read_bytes(), archive.stat().st_mtime_ns
    at = content.index(b"inner/1") + len("inner/1") + 40
    archive.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    os.utime(archive, ns=(modified, modified))
    try:
        assert main(["organise", str(tmp_path), "--copy", *ONLY_SMALL]) == 1
    finally:
        archive.write_bytes(content)
        os.utime(archive, ns=(modified, modified))
    assert f"{archive}!/inner/1: unreadable: the member is broken" in capsys.readouterr().err
    assert set(laid_out(tmp_path)) == SMALL - {f"{ZIPPED}.1"}
    assert main(["organise", str(tmp_path), "--copy", *ONLY_SMALL]) == 0
    assert set(laid_out(tmp_path)) == SMALL


def test_what_does_not_fit_is_not_begun_and_the_archive_is_no_destination(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(site.archive / "organised"), "--copy"]) == 2
    assert "which scans read" in capsys.readouterr().err
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=99))
    # Links take no space, but members of archives are copied.
    for method in ("--copy", "--symlink"):
        assert main(["organise", str(tmp_path / "new"), method, *ONLY_SMALL]) == 1
        assert "99 are free" in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_a_manifest_lists_every_instance_with_its_file_and_its_target(site: Site, tmp_path: Path) -> None:
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv", "manifest.parquet"]
    with (tmp_path / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parquet = pq.read_table(tmp_path / "manifest.parquet").to_pylist()
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in parquet] == rows
    listed = {row["sop_instance_uid"]: row for row in rows}
    assert len(listed) == len(rows) and set(listed) == instances(site.archive)
    assert listed[f"{ZIPPED}.0"]["source"] == f"{site.archive}/small/sent.zip!/inner/0"
    assert int(listed[f"{PLAIN}.2"]["file_size"]) == (site.archive / "small" / "plain" / "IM2").stat().st_size
    laid = tmp_path / "laid"
    assert main(["organise", str(laid), "--symlink"]) == 0
    assert {uid: str(path.relative_to(laid)) for uid, path in laid_out(laid).items()} == {
        uid: row["target"] for uid, row in listed.items()
    }
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 0
    (tmp_path / "manifest.csv").write_text("mine", encoding="utf-8")
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 1
    assert (tmp_path / "manifest.csv").read_text(encoding="utf-8") == "mine"
