"""Series laid out in folders that say what they are: from scanned files and archives, never at the cost of a file."""

import csv
import errno
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pytest
from conftest import Site, query, site_at
from made_archives import write_dicom

from extract.cli import main
from extract.connection import connect

PLAIN, ZIPPED, LONE = "1.2.9.3", "1.2.9.4", "1.2.9.5"
IMAGES = {PLAIN: 4, ZIPPED: 3, LONE: 1}


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Site]:
    """One series in a folder, with a copy of an image; one in an archive; one whose name is no UTF-8."""
    folder = tmp_path_factory.mktemp("organise")
    archive = folder / "archive"
    for number in range(IMAGES[PLAIN]):
        write_dicom(archive / "plain" / f"IM{number}", number, PLAIN)
    shutil.copy2(archive / "plain" / "IM0", archive / "plain" / "a copy")
    for number in range(IMAGES[ZIPPED]):
        write_dicom(folder / "unzipped" / f"{number}", number, ZIPPED)
    with zipfile.ZipFile(archive / "sent.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in (folder / "unzipped").iterdir():
            zipped.write(path, f"inner/{path.name}")
    odd = write_dicom(archive / "odd" / "name", 0, LONE)
    os.rename(odd, os.fsencode(odd.parent) + b"/\xb0\xe1 image")  # noqa: PTH104
    with site_at(folder) as site:
        site.scan()
        site.build("--select", "+series_file")
        with connect("pytest") as connection:
            connection.execute("create schema if not exists results")
            connection.execute("drop table if exists results.chosen")
            connection.execute(
                "create table results.chosen as select unique_series_id from icdm_analysis.series_file"
                f" where unique_series_id = '{ZIPPED}' union all select '1.2.9.99'"
            )
        yield site


def laid_out(destination: Path) -> dict[str, Path]:
    """The files below a folder by SOPInstanceUID; each must be a whole DICOM file that stands in its series' folder."""
    found: dict[str, Path] = {}
    for path in sorted(path for path in destination.rglob("*") if not path.is_dir()):
        dataset = pydicom.dcmread(path)
        assert dataset.SOPInstanceUID not in found
        assert path.parent.name in query_folder(dataset.SeriesInstanceUID)
        assert path.name.startswith(f"{dataset.InstanceNumber:04}_") and path.suffix == ".dcm"
        found[dataset.SOPInstanceUID] = path
    return found


def query_folder(series: str) -> set[str]:
    return {
        name
        for (name,) in query(f"select value_source_value from icdm.imaging_series where unique_series_id = '{series}'")
    }


def identities(destination: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in destination.rglob("*") if path.is_file()
    }


def test_without_a_method_nothing_is_written(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["organise", str(tmp_path / "new")]) == 0
    assert not (tmp_path / "new").exists()
    told = capsys.readouterr().out
    assert "8 files of 3 series" in told and "unlinked/undated_" in told


@pytest.mark.parametrize("method", ["--hard-link", "--symlink", "--copy"])
def test_each_instance_has_one_whole_file_and_a_second_run_leaves_all_as_it_is(
    site: Site, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = identities(site.archive)
    assert main(["organise", str(tmp_path), method]) == 0
    found = laid_out(tmp_path)
    assert {uid.rpartition(".")[0] for uid in found} == set(IMAGES) and len(found) == sum(IMAGES.values())
    plain, zipped = found[f"{PLAIN}.1"], found[f"{ZIPPED}.1"]
    assert plain.read_bytes() == (site.archive / "plain" / "IM1").read_bytes()
    assert zipped.read_bytes() == (site.archive.parent / "unzipped" / "1").read_bytes() and not zipped.is_symlink()
    assert plain.is_symlink() is (method == "--symlink")
    assert plain.samefile(site.archive / "plain" / "IM1") is (method != "--copy")
    before = identities(tmp_path)
    capsys.readouterr()
    assert main(["organise", str(tmp_path), method]) == 0
    assert identities(tmp_path) == before and identities(site.archive) == sources
    assert "there already                                              8" in capsys.readouterr().out
    # Another method leaves what is there: its content is right.
    assert main(["organise", str(tmp_path), "--copy"]) == 0
    assert identities(tmp_path) == before


def test_a_file_in_the_way_is_named_and_kept_and_what_is_gone_or_changed_is_named(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(tmp_path), "--copy"]) == 0
    found = laid_out(tmp_path)
    in_the_way = found[f"{ZIPPED}.2"]
    size = in_the_way.stat().st_size
    in_the_way.write_bytes(b"x" * size)
    for number in (0, 1, 3):
        found[f"{PLAIN}.{number}"].unlink()
    gone, changed = site.archive / "plain" / "IM1", site.archive / "plain" / "IM3"
    kept = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (gone, changed)}
    gone.unlink()
    changed.write_bytes(kept[changed][0] + b"\0")
    capsys.readouterr()
    try:
        assert main(["organise", str(tmp_path), "--copy"]) == 1
    finally:
        for path, (content, modified) in kept.items():
            path.write_bytes(content)
            os.utime(path, ns=(modified, modified))
    told = capsys.readouterr()
    assert sorted(told.err.splitlines()) == sorted(
        [
            f"{in_the_way}: refused: another file stands in its place",
            f"{gone}: missing: the file is gone since the scan",
            f"{changed}: changed since the scan: scan and build again",
        ]
    )
    assert in_the_way.read_bytes() == b"x" * size
    assert found[f"{PLAIN}.0"].exists() and not found[f"{PLAIN}.1"].exists() and not found[f"{PLAIN}.3"].exists()


def test_a_relation_chooses_the_series_and_one_without_files_is_told(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(tmp_path), "--copy", "--from", "results.chosen"]) == 1
    assert set(laid_out(tmp_path)) == {f"{ZIPPED}.{number}" for number in range(IMAGES[ZIPPED])}
    assert "series of results.chosen that have no files here: 1" in capsys.readouterr().out
    for relation, complaint in (("results.nothing", "no such table"), ("icdm.filepath", "no column unique_series_id")):
        assert main(["organise", str(tmp_path), "--copy", "--from", relation]) == 2
        assert complaint in capsys.readouterr().err


def test_an_interrupted_run_and_a_broken_archive_leave_no_half_file(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
    command = [sys.executable, "-c", f"{limited} from extract.cli import main; sys.exit(main(sys.argv[1:]))"]
    stopped = subprocess.run([*command, "organise", str(tmp_path), "--copy"], capture_output=True, text=True)
    assert stopped.returncode == 1 and os.strerror(errno.EFBIG) in stopped.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    archive = site.archive / "sent.zip"
    content, modified = archive.read_bytes(), archive.stat().st_mtime_ns
    at = content.index(b"inner/1") + len("inner/1") + 40
    archive.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    os.utime(archive, ns=(modified, modified))
    try:
        assert main(["organise", str(tmp_path), "--copy"]) == 1
    finally:
        archive.write_bytes(content)
        os.utime(archive, ns=(modified, modified))
    assert f"{archive}!/inner/1: unreadable: the member is broken" in capsys.readouterr().err
    assert len(laid_out(tmp_path)) == sum(IMAGES.values()) - 1
    assert main(["organise", str(tmp_path), "--copy"]) == 0
    assert len(laid_out(tmp_path)) == sum(IMAGES.values())


def test_what_does_not_fit_is_not_begun_and_the_archive_is_no_destination(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["organise", str(site.archive / "organised"), "--copy"]) == 2
    assert "lies in" in capsys.readouterr().err
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=99))
    assert main(["organise", str(tmp_path / "new"), "--copy"]) == 1
    assert "99 are free" in capsys.readouterr().err and not (tmp_path / "new").exists()
    # Links take no space, but the archive's members are copied.
    assert main(["organise", str(tmp_path / "new"), "--symlink"]) == 1


def test_a_manifest_lists_every_instance_with_its_file(site: Site, tmp_path: Path) -> None:
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv", "manifest.parquet"]
    with (tmp_path / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parquet = pq.read_table(tmp_path / "manifest.parquet").to_pylist()
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in parquet] == rows
    listed = {row["sop_instance_uid"]: row for row in rows}
    assert len(listed) == len(rows) == sum(IMAGES.values())
    assert listed[f"{ZIPPED}.0"]["source"] == f"{site.archive}/sent.zip!/inner/0"
    assert int(listed[f"{PLAIN}.2"]["file_size"]) == (site.archive / "plain" / "IM2").stat().st_size
    before = identities(tmp_path)
    assert main(["organise", str(tmp_path / "laid"), "--symlink"]) == 0
    assert {uid: str(path.relative_to(tmp_path / "laid")) for uid, path in laid_out(tmp_path / "laid").items()} == {
        uid: row["target"] for uid, row in listed.items()
    }
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 0
    (tmp_path / "manifest.csv").write_text("mine", encoding="utf-8")
    assert main(["organise", str(tmp_path), "--manifest-only"]) == 1
    assert (tmp_path / "manifest.csv").read_text(encoding="utf-8") == "mine"
    assert set(identities(tmp_path)) >= set(before)
