"""Header reading against a bare pydicom loop: files per second and core, as a ratio within one run.

The bare loop is what one would write without this project: dcmread(stop_before_pixels=True), then the same attributes
by keyword. Reading the first 16 KB of each file is the floor: no reader can be faster. Files are warm in the page
cache; every way is run in turn, several times, and its best run counts.

    python benchmarks/header_reading.py FOLDER
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom

from extract.attributes import SEED, read_attribute_list
from extract.header import IgnoredFileError, RejectedFileError, read_header
from extract.identifiers import Identifiers
from extract.project import project_directory

ROUNDS = 3
MOST_FILES = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare header reading with a bare pydicom loop.")
    parser.add_argument("folder", type=Path, help="DICOM files; the demo's are in demo/cohort/dicom")
    attributes = read_attribute_list(project_directory() / SEED)
    identifiers = Identifiers(b"a key of the benchmark")
    keywords = [attribute.name for attribute in attributes.attributes]

    files = []
    for path in sorted(path for path in parser.parse_args().folder.rglob("*") if path.is_file())[:MOST_FILES]:
        try:
            read_header(path, attributes, identifiers)
            files.append(path)
        except (IgnoredFileError, RejectedFileError):
            continue

    def bare(path: Path) -> None:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        for keyword in keywords:
            dataset.get(keyword)

    def first_bytes(path: Path) -> None:
        with path.open("rb") as file:
            file.read(16 * 1024)

    ways: dict[str, Callable[[Path], object]] = {
        "bare pydicom loop": bare,
        "icdm-extract": lambda path: read_header(path, attributes, identifiers),
        "first 16 KB": first_bytes,
    }
    seconds = dict.fromkeys(ways, float("inf"))
    with warnings.catch_warnings(action="ignore"):
        for _ in range(ROUNDS):
            for name, read in ways.items():
                started = time.process_time()
                for path in files:
                    read(path)
                seconds[name] = min(seconds[name], time.process_time() - started)
    baseline = seconds["bare pydicom loop"]
    print(f"{len(files):,} files, {len(keywords)} attributes, one core, best of {ROUNDS}")
    for name, spent in seconds.items():
        print(f"  {name:<18}{len(files) / spent:>10,.0f} files/s{baseline / spent:>8.2f} x")


if __name__ == "__main__":
    main()
