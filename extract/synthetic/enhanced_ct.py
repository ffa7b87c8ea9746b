"""One Enhanced CT object (PS3.3 A.38, C.8.15): a whole series as the frames of a single instance."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from extract.synthetic import pixels
from extract.synthetic.entities import Patient, Series, Study
from extract.synthetic.geometry import ORIENTATION, position
from extract.synthetic.iod_modules import CHEST, clock, code, common, finish, frame_of_reference, image_pixel, item, put
from extract.synthetic.multi_frame import FRAME_CONTENT, dimensions

#: Classic attributes whose place in an enhanced object is a functional group (or nowhere).
_MOVED = (
    "KVP", "ConvolutionKernel", "SliceThickness", "WindowCenter", "WindowWidth", "ExposureTime", "XRayTubeCurrent",
    "Exposure", "DataCollectionDiameter", "ReconstructionDiameter", "GantryDetectorTilt",
)  # fmt: skip


def enhanced_ct(patient: Patient, study: Study, series: Series) -> Dataset:
    """Geometry, exposure and reconstruction shared by the frames, position and exposure values per frame."""
    protocol = series.protocol
    values = protocol.attributes
    dataset = common(patient, study, series, EnhancedCTImageStorage)
    image_type = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
    start = f"{study.date_written:%Y%m%d}{clock(study, 60 * series.series_number)}"
    description = {
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    shared = item(
        PixelMeasuresSequence=item(
            PixelSpacing=(protocol.pixel_spacing, protocol.pixel_spacing), SliceThickness=protocol.thickness
        ),
        PlaneOrientationSequence=item(ImageOrientationPatient=ORIENTATION[protocol.plane]),
        FrameAnatomySequence=item(FrameLaterality="U", AnatomicRegionSequence=code(*CHEST)),
        PixelValueTransformationSequence=item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU"),
        FrameVOILUTSequence=item(WindowCenter=values["WindowCenter"], WindowWidth=values["WindowWidth"]),
        CTImageFrameTypeSequence=item(FrameType=image_type, **description),
        CTAcquisitionTypeSequence=item(
            AcquisitionType="SPIRAL", TubeAngle=0.0, ConstantVolumeFlag="NO", FluoroscopyFlag="NO"
        ),
        CTAcquisitionDetailsSequence=item(
            RotationDirection="CW", RevolutionTime=0.5, SingleCollimationWidth=0.6, TotalCollimationWidth=38.4,
            TableHeight=150.0, GantryDetectorTilt=0.0, DataCollectionDiameter=500.0,
        ),
        CTReconstructionSequence=item(
            ReconstructionAlgorithm="FILTER_BACK_PROJ", ConvolutionKernel=values["ConvolutionKernel"],
            ReconstructionDiameter=320.0,
        ),
        CTXRayDetailsSequence=item(KVP=values["KVP"], FocalSpots=1.2, FilterType="NONE"),
    )  # fmt: skip
    current = protocol.varying["XRayTubeCurrent"][0]
    per_frame = [
        item(
            FrameContentSequence=item(
                FrameReferenceDateTime=start,
                FrameAcquisitionDateTime=start,
                FrameAcquisitionDuration=500.0,
                StackID="1",
                InStackPositionNumber=index + 1,
                DimensionIndexValues=(1, index + 1),
            ),
            PlanePositionSequence=item(ImagePositionPatient=position(protocol, patient.nodule, index, protocol.frames)),
            CTExposureSequence=item(ExposureTimeInms=500.0, XRayTubeCurrentInmA=current, ExposureInmAs=20.0),
        )
        for index in range(protocol.frames)
    ]
    finish(dataset, study, series, 0)
    for keyword in _MOVED:
        if keyword in dataset:
            delattr(dataset, keyword)
    put(
        dataset,
        {
            **description,
            **dimensions(
                series,
                (0x00209056, FRAME_CONTENT, "Stack ID"),
                (0x00209057, FRAME_CONTENT, "In-Stack Position Number"),
            ),
            "ImageType": image_type,
            "AcquisitionNumber": 1,
            "AcquisitionDateTime": start,
            "AcquisitionDuration": 10.0,
            "ContentQualification": "PRODUCT",
            "AcquisitionContextSequence": [],
            "PositionReferenceIndicator": None,
            "FrameOfReferenceUID": frame_of_reference(study),
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
            "PresentationLUTShape": "IDENTITY",
            "NumberOfFrames": protocol.frames,
            "SharedFunctionalGroupsSequence": shared,
            "PerFrameFunctionalGroupsSequence": per_frame,
        },
    )
    image_pixel(dataset, protocol.rows, protocol.columns)
    size = protocol.rows, protocol.columns
    frames = (pixels.words(pixels.frame(protocol.look, *size, index % 8)) for index in range(protocol.frames))
    dataset.PixelData = b"".join(frames)
    dataset["PixelData"].VR = "OW"
    return dataset
