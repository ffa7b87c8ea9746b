"""What reading large annotation files costs: seconds and peak memory, each file in a process of its own.

python benchmarks/annotations.py [--megabytes 500]
"""

import argparse
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from extract.annotations import structure_set
from extract.annotations.annotation import AnnotationFile
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.identifiers import Identifiers

ROIS = 60


class NothingScanned:
    """No series is scanned."""

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        return None

    def series_of(self, sop_instance_uid: str) -> str | None:
        return None


def write_structure_set(path: Path, size: int, rois: int) -> None:
    """Write a structure set of about `size` bytes: spheres of 200 mm in planes 1 mm apart, two decimals, one a ROI."""
    planes = np.arange(-99.5, 100)
    points = max(4, size // rois // len(planes) // 22)  # a point takes 22 bytes
    around = np.linspace(0, 2 * np.pi, points, endpoint=False)
    contours = []
    for height in planes:
        radius = np.sqrt(100**2 - height**2)
        x, y = radius * np.cos(around) + 123, radius * np.sin(around) - 123
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = points
        numbers = np.char.mod("%.2f", np.column_stack([x, y, np.full(points, height - 300)]).ravel())
        contour.add_new(0x30060050, "UN", "\\".join(numbers).encode())  # DS has no length for more than 64 KB
        contours.append(contour)
    header = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    header.StructureSetROISequence = [Dataset() for _ in range(rois)]
    for number, roi in enumerate(header.StructureSetROISequence, start=1):
        roi.ROINumber, roi.ROIName = number, f"sphere {number}"
    header.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        # ROIContourSequence (3006,0039) comes last, so it can be written behind what pydicom wrote.
        file.write(pack("<HH2sHL", 0x3006, 0x0039, b"SQ", 0, 0xFFFFFFFF))
        for number in range(1, rois + 1):
            item = Dataset()
            item.ContourSequence, item.ReferencedROINumber = contours, number
            encoded = DicomBytesIO()
            encoded.is_little_endian, encoded.is_implicit_VR = True, False
            write_dataset(encoded, item)
            file.write(pack("<HHL", 0xFFFE, 0xE000, encoded.tell()) + encoded.getvalue())
        file.write(pack("<HHL", 0xFFFE, 0xE0DD, 0))


def read_structure_set(path: Path) -> AnnotationFile:
    return structure_set.read(path, ReadContext(Identifiers(b"a key of the benchmark"), NothingScanned()))


def cost(read: Callable[[Path], AnnotationFile], path: Path) -> tuple[float, int, int]:
    """Return the seconds, the peak of resident memory in MB, and how many annotations were measured."""
    start = time.perf_counter()
    annotations = read(path).annotations
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return seconds, peak, sum(annotation.problem is None for annotation in annotations)


def main() -> None:
    parser = argparse.ArgumentParser(description="Read large annotation files.")
    parser.add_argument("--megabytes", type=int, default=500)
    size = parser.parse_args().megabytes << 20
    cases: dict[str, tuple[Callable[[Path], None], Callable[[Path], AnnotationFile]]] = {
        f"structure set, {ROIS} ROIs": (lambda path: write_structure_set(path, size, ROIS), read_structure_set),
        "structure set, 1 ROI": (lambda path: write_structure_set(path, size, 1), read_structure_set),
    }
    with TemporaryDirectory() as folder:
        for name, (write, read) in cases.items():
            path = Path(folder, "annotations.dcm")
            write(path)
            # A process that was forked would count what its parent holds.
            with get_context("spawn").Pool(1) as process:
                seconds, peak, measured = process.apply(cost, (read, path))
            print(
                f"{name:<28}{path.stat().st_size >> 20:>6} MB{seconds:>8.1f} s{peak:>7} MB peak{measured:>6} measured"
            )


if __name__ == "__main__":
    main()
