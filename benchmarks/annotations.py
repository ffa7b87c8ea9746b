"""What reading large annotation files costs: seconds and peak memory, each file in a process of its own.

python benchmarks/annotations.py [--megabytes 500]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RTStructureSetStorage, SegmentationStorage, generate_uid

from extract.annotations import segmentation, structure_set
from extract.annotations.annotation import AnnotationFile
from extract.annotations.context import ReadContext, SeriesGeometry
from extract.identifiers import Identifiers

ROIS = 60
SIDE = 512  # rows and columns of a frame


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


def write_segmentation(path: Path, size: int, kind: str, segments: int) -> None:
    """Write a segmentation of about `size` bytes of pixels: bits or fractions, a frame for each segment, or labels."""
    of_labels = kind == "LABELMAP"
    bits = {"BINARY": 1, "FRACTIONAL": 8, "LABELMAP": 16}[kind]
    planes = size // (SIDE * SIDE * bits // 8) // (1 if of_labels else segments)
    frames = [(0, plane) for plane in range(planes)]
    if not of_labels:
        frames = [(number, plane) for number in range(1, segments + 1) for plane in range(planes)]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = UID(segmentation.LABEL_MAP_STORAGE) if of_labels else SegmentationStorage
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2", "1.2.3.8"
    dataset.ReferencedSeriesSequence = [_item(SeriesInstanceUID="1.2.3.3")]
    dataset.SegmentationType, dataset.NumberOfFrames = kind, len(frames)
    dataset.MaximumFractionalValue = 255
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.SegmentSequence = [_item(SegmentNumber=n, SegmentLabel=f"Segment {n}") for n in range(1, segments + 1)]
    dataset.SharedFunctionalGroupsSequence = [
        _item(
            PixelMeasuresSequence=[_item(PixelSpacing=[0.75, 0.75], SpacingBetweenSlices=1.5)],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(number, plane) for number, plane in frames]
    dataset.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        size = len(frames) * SIDE * SIDE * bits // 8
        file.write(b"\xe0\x7f\x10\x00" + (b"OW" if bits == 16 else b"OB") + bytes(2) + size.to_bytes(4, "little"))
        for pixels in _pixels(frames, segments, planes, of_labels):
            if bits == 1:
                file.write(np.packbits(pixels, bitorder="little").tobytes())
            else:
                file.write((pixels * (1 if of_labels else 200)).astype(f"<u{bits // 8}").tobytes())


def _frame(number: int, plane: int) -> Dataset:
    image = _item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=f"1.2.3.9.{plane}")
    groups = _item(
        PlanePositionSequence=[_item(ImagePositionPatient=[-190, -190, 1.5 * plane])],
        FrameContentSequence=[_item(DimensionIndexValues=[number or 1, plane + 1])],
        DerivationImageSequence=[_item(SourceImageSequence=[image])],
    )
    if number:
        groups.SegmentIdentificationSequence = [_item(ReferencedSegmentNumber=number)]
    return groups


def _pixels(frames: list[tuple[int, int]], segments: int, planes: int, of_labels: bool) -> Iterator[NDArray[np.uint8]]:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    for number, plane in frames:
        pixels = np.zeros((SIDE, SIDE), np.uint8)
        for label in range(1, segments + 1) if of_labels else [number]:
            # Organs of different size all over the body: columns of 40 to 200 pixels across, round at their ends.
            radius = (20 if of_labels else 100) * (0.4 + 0.6 * (label % 7) / 6)
            radius *= max(0.0, 1 - (2 * plane / planes - 1) ** 2) ** 0.5
            row, column = 60 + label * 97 % 390, 60 + label * 53 % 390
            pixels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = label if of_labels else 1
        yield pixels


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def read_segmentation(path: Path) -> AnnotationFile:
    return segmentation.read(path, ReadContext(Identifiers(b"a key of the benchmark"), NothingScanned()))


def read_structure_set(path: Path) -> AnnotationFile:
    return structure_set.read(path, ReadContext(Identifiers(b"a key of the benchmark"), NothingScanned()))


def cost(read: Callable[[Path], AnnotationFile], path: Path) -> tuple[float, float, int, int]:
    """Return seconds, those of the processor, the peak of memory in MB, and how many annotations were measured."""
    start, used = time.perf_counter(), time.process_time()
    annotations = read(path).annotations
    seconds, used = time.perf_counter() - start, time.process_time() - used
    # getrusage would count what the process held that this one was started from.
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) // 1024
    return seconds, used, peak, sum(annotation.problem is None for annotation in annotations)


def main() -> None:
    parser = argparse.ArgumentParser(description="Read large annotation files.")
    parser.add_argument("--megabytes", type=int, default=500)
    size = parser.parse_args().megabytes << 20
    cases: dict[str, tuple[Callable[[Path], None], Callable[[Path], AnnotationFile]]] = {
        f"structure set, {ROIS} ROIs": (partial(write_structure_set, size=size, rois=ROIS), read_structure_set),
        "structure set, 1 ROI": (partial(write_structure_set, size=size, rois=1), read_structure_set),
    }
    for kind, segments in (("BINARY", 50), ("FRACTIONAL", 6), ("LABELMAP", 100)):
        written = partial(write_segmentation, size=size, kind=kind, segments=segments)
        cases[f"{kind}, {segments} segments"] = written, read_segmentation
    with TemporaryDirectory() as folder:
        for name, (write, read) in cases.items():
            path = Path(folder, "annotations.dcm")
            with get_context("spawn").Pool(1) as process:
                process.apply(write, (path,))
            with get_context("spawn").Pool(1) as process:
                seconds, used, peak, measured = process.apply(cost, (read, path))
            print(
                f"{name:<28}{path.stat().st_size >> 20:>6} MB{seconds:>8.1f} s ({used:.1f} s of the processor)"
                f"{peak:>7} MB peak{measured:>6} measured"
            )


if __name__ == "__main__":
    main()
