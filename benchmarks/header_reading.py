"""Header reading against a bare pydicom loop: files per second, as ratios within one run.

The bare loop is what one would write without this project: dcmread(stop_before_pixels=True), then the same attributes
by keyword. Reading the first 16 KB of each file is the floor: no reader can be faster. Every way reads the same files
on one process and on one per core, with the files in the page cache (warm) and dropped from it (cold); each is run
several times in turn, and its best run counts.

    python benchmarks/header_reading.py FOLDER
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path

import pydicom

from extract.attributes import SEED, read_attribute_list
from extract.header import IgnoredFileError, RejectedFileError, read_header
from extract.identifiers import Identifiers
from extract.project import project_directory

ROUNDS = 3
MOST_FILES = 5000
FEW_FILES = 400  # the cold runs read these, since dropping and reading anew is slow on some disks

ATTRIBUTES = read_attribute_list(project_directory() / SEED)
IDENTIFIERS = Identifiers(b"a key of the benchmark")
KEYWORDS = [attribute.name for attribute in ATTRIBUTES.attributes]


def bare_loop(path: Path) -> None:
    """Read with pydicom alone."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    for keyword in KEYWORDS:
        dataset.get(keyword)


def extractor(path: Path) -> None:
    """Read as `icdm-extract scan` does."""
    read_header(path, ATTRIBUTES, IDENTIFIERS)


def first_bytes(path: Path) -> None:
    """Read 16 KB and look at nothing."""
    with path.open("rb") as file:
        file.read(16 * 1024)


WAYS: dict[str, Callable[[Path], None]] = {
    "bare pydicom loop": bare_loop,
    "icdm-extract": extractor,
    "first 16 KB": first_bytes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare header reading with a bare pydicom loop.")
    parser.add_argument("folder", type=Path, help="DICOM files; the demo's are in demo/cohort/dicom")
    files = []
    for path in sorted(path for path in parser.parse_args().folder.rglob("*") if path.is_file())[:MOST_FILES]:
        try:
            extractor(path)
            files.append(path)
        except (IgnoredFileError, RejectedFileError):
            continue
    print(f"{len(files):,} files, {len(KEYWORDS)} attributes, best of {ROUNDS}")
    cores = len(os.sched_getaffinity(0))
    alone: dict[str, float] = {}
    for processes in sorted({1, cores}):
        for cold in (False, True):
            rates = _rates(files[:: max(1, len(files) // FEW_FILES)] if cold else files, processes, cold)
            print(f"{processes} process{'es' if processes > 1 else ''}, {'cold' if cold else 'warm'}")
            for name, rate in rates.items():
                ratio = f"{rate / rates['bare pydicom loop']:>8.2f} x bare"
                scaling = "" if cold or processes == 1 else f"{rate / alone[name]:>8.2f} x one process"
                print(f"  {name:<18}{rate:>10,.0f} files/s{ratio}{scaling}")
            if processes == 1 and not cold:
                alone = rates


def _rates(files: Sequence[Path], processes: int, cold: bool) -> dict[str, float]:
    """Return files per second of wall time by way."""
    best = dict.fromkeys(WAYS, 0.0)
    for _ in range(ROUNDS):
        for name in WAYS:
            if cold:
                _drop(files)
            # A barrier has all processes begin at once, when none has anything left to load.
            context = get_context("fork")
            ready = context.Barrier(processes + 1)
            shares = [files[at::processes] for at in range(processes)]
            readers = [context.Process(target=_read_all, args=(name, share, ready)) for share in shares]
            for reader in readers:
                reader.start()
            ready.wait()
            started = time.perf_counter()
            for reader in readers:
                reader.join()
            assert all(reader.exitcode == 0 for reader in readers)
            best[name] = max(best[name], len(files) / (time.perf_counter() - started))
    return best


def _read_all(name: str, files: Sequence[Path], ready: object) -> None:
    ready.wait()  # type: ignore[attr-defined]
    with warnings.catch_warnings(action="ignore"):
        for path in files:
            WAYS[name](path)


def _drop(files: Sequence[Path]) -> None:
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
