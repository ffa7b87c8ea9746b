"""What a reading says as a segmentation or a structure set (PS3.3 A.51, A.19)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, MRImageStorage, RTStructureSetStorage, SegmentationStorage

from extract.synthetic.documents import DETACHED_STUDY
from extract.synthetic.entities import Patient, Reading, Series, Study, uid
from extract.synthetic.geometry import position
from extract.synthetic.iod_modules import clock, code, common, finish, item, put
from extract.synthetic.lesions import Lesion, LesionKind, Vector, mask
from extract.synthetic.multi_frame import PLANE_POSITION, SEGMENT_IDENTIFICATION, dimensions
from extract.synthetic.protocols import Wording

LUNG = ("39607008", "SCT", "Lung")
BRAIN = ("12738006", "SCT", "Brain")
RIGHT = ("24028007", "SCT", "Right")
LEFT = ("7771000", "SCT", "Left")
#: Of which patient an object is that was sent to the wrong one.
OTHER_PATIENT_ID = "SYN-0005"
LABELS: Mapping[LesionKind, tuple[str, str]] = {
    "GGN": ("GGN", "간유리결절"),
    "SOLID_PART": ("Solid part", "고형 부분"),
    "SOLID_NODULE": ("Solid nodule", "고형 결절"),
    "BRAIN_METASTASIS": ("Brain metastasis", "뇌전이"),
}
_TYPES: Mapping[LesionKind, tuple[str, str, str]] = {
    **dict.fromkeys(("GGN", "SOLID_PART", "SOLID_NODULE"), ("27925004", "SCT", "Nodule")),
    "BRAIN_METASTASIS": ("14799000", "SCT", "Neoplasm, Secondary"),
}


def label(patient: Patient, lesion: Lesion) -> str:
    """What the lesion is called, in the language of the patient's files."""
    return Wording(patient.character_set != ("ISO_IR 100",))(*LABELS[lesion.kind])


def site(lesion: Lesion) -> Dataset:
    """The code of the organ it lies in."""
    return code(*(BRAIN if lesion.kind == "BRAIN_METASTASIS" else LUNG))


def side(lesion: Lesion) -> Dataset:
    """The code of the side it lies on: x runs to the left."""
    return code(*(LEFT if lesion.centre[0] > 0 else RIGHT))


def frame_of_reference(reading: Reading) -> str:
    """FrameOfReferenceUID of the images, or another one where that is the fault."""
    study = uid(reading.images.series_instance_uid, "nowhere") if reading.fault == "UNKNOWN_SERIES" else None
    frame = uid(study or reading.study_instance_uid, "frame of reference")
    return uid(frame, "other") if reading.fault == "OTHER_FRAME" else frame


def source_series(reading: Reading) -> str:
    """SeriesInstanceUID of the images, or of none."""
    images = reading.images.series_instance_uid
    return uid(images, "nowhere") if reading.fault == "UNKNOWN_SERIES" else images


def _image(reading: Reading, patient: Patient, at: Vector) -> tuple[UID, str]:
    """SOP class and instance of the image whose plane is the nearest to a point."""
    protocol = reading.images.protocol
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[protocol.plane]
    count = protocol.instances
    distances = [abs(position(protocol, patient.nodule, index, count)[axis] - at[axis]) for index in range(count)]
    image = reading.images.sop_instance_uid(distances.index(min(distances)))
    if reading.fault == "UNKNOWN_SERIES":
        image = uid(image, "nowhere")
    return UID(CTImageStorage if protocol.kind == "CT" else MRImageStorage), image


def _reference(image: tuple[UID, str]) -> Dataset:
    return item(ReferencedSOPClassUID=image[0], ReferencedSOPInstanceUID=image[1])


def _of(dataset: Dataset, reading: Reading) -> None:
    """Whose the object is said to be."""
    if reading.fault == "OTHER_PATIENT":
        dataset.PatientID = OTHER_PATIENT_ID


def segmentation(patient: Patient, study: Study, series: Series) -> Dataset:
    """A binary segment for each lesion, with a frame for every plane that it meets; a part lies within its nodule."""
    reading = series.reading
    assert reading
    grid = reading.grid
    frames = [
        (number, plane, pixels)
        for number, lesion in enumerate(reading.lesions, start=1)
        for plane, pixels in enumerate(mask(grid, lesion))
        if pixels.any()
    ]
    images = {plane: _image(reading, patient, grid.position(plane)) for _, plane, _ in frames}
    dataset = common(patient, study, series, SegmentationStorage)
    finish(dataset, study, series, 0)
    _of(dataset, reading)
    algorithm = {"SegmentAlgorithmName": reading.algorithm} if reading.algorithm else {}
    segments = [
        item(
            SegmentNumber=number,
            SegmentLabel=label(patient, lesion),
            SegmentAlgorithmType="AUTOMATIC" if reading.algorithm else "MANUAL",
            **algorithm,
            SegmentedPropertyCategoryCodeSequence=code("49755003", "SCT", "Morphologically Abnormal Structure"),
            SegmentedPropertyTypeCodeSequence=code(*_TYPES[lesion.kind]),
            AnatomicRegionSequence=_sided(lesion),
            TrackingID=lesion.name,
            TrackingUID=lesion.tracking_uid,
        )
        for number, lesion in enumerate(reading.lesions, start=1)
    ]
    if reading.fault == "EMPTY_SEGMENT":
        empty = item(
            SegmentNumber=len(segments) + 1,
            SegmentLabel="Calcification",
            SegmentAlgorithmType="AUTOMATIC",
            **algorithm,
            SegmentedPropertyCategoryCodeSequence=code("49755003", "SCT", "Morphologically Abnormal Structure"),
            SegmentedPropertyTypeCodeSequence=code("36222008", "SCT", "Calcification"),
        )
        segments.append(empty)
    shared = item(
        PixelMeasuresSequence=item(
            PixelSpacing=grid.spacing[:2], SliceThickness=grid.spacing[2], SpacingBetweenSlices=grid.spacing[2]
        ),
        PlaneOrientationSequence=item(ImageOrientationPatient=(*grid.plane[0], *grid.plane[1])),
    )
    per_frame = [
        item(
            FrameContentSequence=item(DimensionIndexValues=(number, plane + 1)),
            PlanePositionSequence=item(ImagePositionPatient=grid.position(plane)),
            SegmentIdentificationSequence=item(ReferencedSegmentNumber=number),
            DerivationImageSequence=item(
                SourceImageSequence=item(
                    ReferencedSOPClassUID=images[plane][0],
                    ReferencedSOPInstanceUID=images[plane][1],
                    PurposeOfReferenceCodeSequence=code("121322", "DCM", "Source Image for Image Processing Operation"),
                ),
                DerivationCodeSequence=code("113076", "DCM", "Segmentation"),
            ),
        )
        for number, plane, _ in frames
    ]
    put(
        dataset,
        {
            **dimensions(
                series,
                (0x0062000B, SEGMENT_IDENTIFICATION, "Referenced Segment Number"),
                (0x00200032, PLANE_POSITION, "Image Position (Patient)"),
            ),
            "ImageType": ("DERIVED", "PRIMARY"),
            "ContentLabel": "LESIONS",
            "ContentDescription": "Lesions of known geometry",
            "ContentCreatorName": reading.reader,
            "SegmentationType": "BINARY",
            "SegmentsOverlap": "YES" if any(one.kind == "SOLID_PART" for one in reading.lesions) else "NO",
            "SegmentSequence": segments,
            "ReferencedSeriesSequence": item(
                SeriesInstanceUID=source_series(reading),
                ReferencedInstanceSequence=[_reference(image) for image in dict.fromkeys(images.values())],
            ),
            "FrameOfReferenceUID": frame_of_reference(reading),
            "PositionReferenceIndicator": None,
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
            "NumberOfFrames": len(frames),
            "SharedFunctionalGroupsSequence": shared,
            "PerFrameFunctionalGroupsSequence": per_frame,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": grid.shape[1],
            "Columns": grid.shape[2],
            "BitsAllocated": 1,
            "BitsStored": 1,
            "HighBit": 0,
            "PixelRepresentation": 0,
        },
    )
    packed = np.packbits(np.concatenate([pixels.ravel() for _, _, pixels in frames]), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset["PixelData"].VR = "OB"
    return dataset


def _sided(lesion: Lesion) -> Dataset:
    region = site(lesion)
    put(region, {"AnatomicRegionModifierSequence": side(lesion)})
    return region


def _contours(reading: Reading, patient: Patient, lesion: Lesion) -> list[Dataset]:
    if reading.fault == "POINTS":
        outlines = [("POINT", [lesion.centre])]
    else:
        planes = (reading.grid.position(plane)[2] for plane in range(reading.grid.shape[0]))
        outlines = [("CLOSED_PLANAR", outline) for z in planes if (outline := lesion.contour(z))]
    return [
        item(
            ContourImageSequence=_reference(_image(reading, patient, outline[0])),
            ContourGeometricType=kind,
            NumberOfContourPoints=len(outline),
            ContourData=tuple(value for point in outline for value in point),
        )
        for kind, outline in outlines
    ]


def structure_set(patient: Patient, study: Study, series: Series) -> Dataset:
    """A gross tumour volume for each lesion, as polygons in axial planes."""
    reading = series.reading
    assert reading
    contours = [_contours(reading, patient, lesion) for lesion in reading.lesions]
    references = {
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID): one
        for lesion in contours
        for contour in lesion
        for one in contour.ContourImageSequence
    }
    names = [_roi_name(lesion) for lesion in reading.lesions]
    frame = frame_of_reference(reading)
    dataset = common(patient, study, series, RTStructureSetStorage)
    finish(dataset, study, series, 0)
    del dataset.ContentDate, dataset.ContentTime  # an RT object carries StructureSetDate and Time instead
    put(
        dataset,
        {
            "OperatorsName": None,
            "StructureSetLabel": "GTV",
            "StructureSetDate": f"{study.date_written:%Y%m%d}",
            "StructureSetTime": clock(study, 3600),
            "FrameOfReferenceUID": frame,
            "PositionReferenceIndicator": None,
            "ReferencedFrameOfReferenceSequence": item(
                FrameOfReferenceUID=frame,
                RTReferencedStudySequence=item(
                    ReferencedSOPClassUID=DETACHED_STUDY,
                    ReferencedSOPInstanceUID=reading.study_instance_uid,
                    RTReferencedSeriesSequence=item(
                        SeriesInstanceUID=source_series(reading), ContourImageSequence=list(references.values())
                    ),
                ),
            ),
            "StructureSetROISequence": [
                item(
                    ROINumber=number,
                    ReferencedFrameOfReferenceUID=frame,
                    ROIName=name,
                    ROIGenerationAlgorithm="AUTOMATIC" if reading.algorithm else "MANUAL",
                )
                for number, name in enumerate(names, start=1)
            ],
            "ROIContourSequence": [
                item(ROIDisplayColor=(255, 0, 0), ReferencedROINumber=number, ContourSequence=one)
                for number, one in enumerate(contours, start=1)
            ],
            "RTROIObservationsSequence": [
                item(
                    ObservationNumber=number,
                    ReferencedROINumber=number,
                    RTROIInterpretedType="GTV",
                    ROIInterpreter=reading.reader,
                )
                for number in range(1, len(names) + 1)
            ],
            "ApprovalStatus": "UNAPPROVED",
        },
    )
    return dataset


def _roi_name(lesion: Lesion) -> str:
    if lesion.kind == "BRAIN_METASTASIS":
        return f"GTV_met{lesion.name[1:]}"
    return "GTVp_solid" if lesion.kind == "SOLID_PART" else "GTVp"
