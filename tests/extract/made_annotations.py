"""Synthetic annotations that tests make: a CT series, and a segmentation of it written by highdicom."""

from pathlib import Path

import highdicom as hd
import numpy as np
from made_files import dicom
from numpy.typing import NDArray
from pydicom import FileDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

SIZE = 24


def ct_series(folder: Path, series: str = "1.2.9.3", study: str = "1.2.9.2", slices: int = 6) -> list[FileDataset]:
    """Axial CT images of 24 x 24 pixels of 1 mm, 2 mm apart."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for number in range(slices):
        image = dicom(
            SOPInstanceUID=UID(f"{series}.{number + 1}"),
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            FrameOfReferenceUID="1.2.9.9",
            Modality="CT",
            PatientName="Synthetic^Marking",
            PatientID="SYN-0042",
            PatientBirthDate="19610203",
            PatientSex="F",
            AccessionNumber="",
            StudyID="",
            StudyDate="20210304",
            StudyTime="101500",
            ReferringPhysicianName="",
            SeriesNumber=1,
            InstanceNumber=number + 1,
            ImagePositionPatient=[0, 0, 2 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
            SliceThickness=2,
            Rows=SIZE,
            Columns=SIZE,
            BitsAllocated=16,
            BitsStored=16,
            HighBit=15,
            PixelRepresentation=0,
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            PixelData=bytes(2 * SIZE * SIZE),
        )
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(folder / f"{number:02}.dcm")
        images.append(image)
    return images


def block(slices: int = 6) -> NDArray[np.uint8]:
    """A mask of 10 x 8 pixels in two planes: 2 x 80 x 2 mm3."""
    mask = np.zeros((slices, SIZE, SIZE), dtype=np.uint8)
    mask[2:4, 5:15, 4:12] = 1
    return mask


def segmentation(
    path: Path, images: list[FileDataset], mask: NDArray[np.uint8], label: str = "nodule", uid: str = "1.2.9.70"
) -> Path:
    """A binary segmentation of one segment."""
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Nodule,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    written = hd.seg.Segmentation(
        source_images=images,
        pixel_array=mask,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=f"{uid}.1",
        series_number=70,
        sop_instance_uid=f"{uid}.2",
        instance_number=1,
        manufacturer="Synthetic",
        manufacturer_model_name="Marker",
        software_versions="1",
        device_serial_number="1",
        content_creator_name="Synthetic^Reader",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    written.save_as(path)
    return path
