"""Multi-frame objects with functional groups: Enhanced MR Image and Segmentation (PS3.3 A.36, A.51, C.7.6.16)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, SegmentationStorage

from extract.synthetic import pixels
from extract.synthetic.entities import Patient, Series, Study, uid
from extract.synthetic.geometry import ORIENTATION, lesion, position
from extract.synthetic.iod_modules import BRAIN, clock, code, common, finish, frame_of_reference, image_pixel, item, put

FRAME_CONTENT = 0x00209111
PLANE_POSITION = 0x00209113
SEGMENT_IDENTIFICATION = 0x0062000A


def dimensions(series: Series, *pointers: tuple[int, int, str]) -> dict[str, list[Dataset]]:
    """Multi-frame Dimension module (PS3.3 C.7.6.17): index pointer, group pointer and label of each dimension."""
    organisation = uid(series.series_instance_uid, "dimensions")
    return {
        "DimensionOrganizationSequence": [item(DimensionOrganizationUID=organisation)],
        "DimensionIndexSequence": [
            item(
                DimensionOrganizationUID=organisation,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=group,
                DimensionDescriptionLabel=label,
            )
            for pointer, group, label in pointers
        ],
    }


def enhanced_mr(patient: Patient, study: Study, series: Series) -> Dataset:
    """One Enhanced MR object: timing, geometry and contrast shared by the frames, position and window per frame."""
    protocol = series.protocol
    values = protocol.attributes
    dataset = common(patient, study, series, EnhancedMRImageStorage)
    image_type = ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
    start = f"{study.date_written:%Y%m%d}{clock(study, 60 * series.series_number)}"
    inversion = float(str(values.get("InversionTime", 0)))
    contrast = "ContrastBolusAgent" in values
    description = {
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": "T1" if contrast else "T2",
    }
    shared = item(
        PixelMeasuresSequence=item(
            PixelSpacing=(protocol.pixel_spacing, protocol.pixel_spacing),
            SliceThickness=protocol.thickness,
            SpacingBetweenSlices=protocol.step,
        ),
        PlaneOrientationSequence=item(ImageOrientationPatient=ORIENTATION[protocol.plane]),
        FrameAnatomySequence=item(FrameLaterality="U", AnatomicRegionSequence=code(*BRAIN)),
        PixelValueTransformationSequence=item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US"),
        MRImageFrameTypeSequence=item(FrameType=image_type, **description),
        MRTimingAndRelatedParametersSequence=item(
            RepetitionTime=values["RepetitionTime"],
            FlipAngle=values["FlipAngle"],
            EchoTrainLength=values["EchoTrainLength"],
            RFEchoTrainLength=values["EchoTrainLength"],
            GradientEchoTrainLength=0,
            SpecificAbsorptionRateSequence=[
                item(SpecificAbsorptionRateDefinition="IEC_HEAD", SpecificAbsorptionRateValue=0.5)
            ],
            GradientOutputType="DB_DT",
            GradientOutput=30.0,
            OperatingModeSequence=[
                item(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL"),
                item(OperatingModeType="RF", OperatingMode="IEC_NORMAL"),
                item(OperatingModeType="GRADIENT", OperatingMode="IEC_NORMAL"),
            ],
        ),
        MRFOVGeometrySequence=item(
            InPlanePhaseEncodingDirection="ROW",
            MRAcquisitionFrequencyEncodingSteps=protocol.columns,
            MRAcquisitionPhaseEncodingStepsInPlane=protocol.rows,
            MRAcquisitionPhaseEncodingStepsOutOfPlane=protocol.frames,
            PercentSampling=100.0,
            PercentPhaseFieldOfView=100.0,
        ),
        MREchoSequence=item(EffectiveEchoTime=values["EchoTime"]),
        MRModifierSequence=item(
            InversionRecovery="YES" if inversion else "NO",
            **({"InversionTimes": inversion} if inversion else {}),
            FlowCompensation="NONE",
            Spoiling="NONE",
            T2Preparation="NO",
            SpectrallySelectedExcitation="NONE",
            SpatialPresaturation="NONE",
            PartialFourier="NO",
            ParallelAcquisition="NO",
        ),
        MRImagingModifierSequence=item(
            MagnetizationTransfer="NONE",
            BloodSignalNulling="NO",
            Tagging="NONE",
            TransmitterFrequency=round(series.scanner.field_strength * 42.577, 3),
            PixelBandwidth=200.0,
        ),
        MRReceiveCoilSequence=item(
            ReceiveCoilName="HEAD",
            ReceiveCoilManufacturerName=None,
            ReceiveCoilType="MULTICOIL",
            QuadratureReceiveCoil="NO",
            MultiCoilDefinitionSequence=item(MultiCoilElementName="H1", MultiCoilElementUsed="YES"),
        ),
        MRTransmitCoilSequence=item(
            TransmitCoilName="BODY", TransmitCoilManufacturerName=None, TransmitCoilType="BODY"
        ),
        MRAveragesSequence=item(NumberOfAverages=1.0),
    )
    if contrast:
        put(
            shared,
            {
                "ContrastBolusUsageSequence": item(
                    ContrastBolusAgentNumber=1, ContrastBolusAgentAdministered="YES", ContrastBolusAgentDetected="YES"
                )
            },
        )
    per_frame = [
        item(
            FrameContentSequence=item(
                FrameReferenceDateTime=start,
                FrameAcquisitionDateTime=start,
                FrameAcquisitionDuration=1000.0,
                StackID="1",
                InStackPositionNumber=index + 1,
                DimensionIndexValues=(1, index + 1),
            ),
            PlanePositionSequence=item(ImagePositionPatient=position(protocol, patient.nodule, index, protocol.frames)),
            FrameVOILUTSequence=item(WindowCenter=600 + index, WindowWidth=1200),
        )
        for index in range(protocol.frames)
    ]
    finish(dataset, study, series, 0)
    for keyword in (
        # Classic attributes whose place in an enhanced object is a functional group.
        "ScanningSequence", "SequenceVariant", "ScanOptions", "RepetitionTime", "EchoTime", "EchoTrainLength",
        "ImagingFrequency", "FlipAngle", "SliceThickness", "SpacingBetweenSlices", "WindowCenter", "WindowWidth",
        "InversionTime", "ContrastBolusAgent", "ContrastBolusRoute", "ContrastBolusVolume",
    ):  # fmt: skip
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
            "AcquisitionDuration": 120.0,
            "ContentQualification": "PRODUCT",
            "ResonantNucleus": "1H",
            "KSpaceFiltering": "NONE",
            "ApplicableSafetyStandardAgency": "IEC",
            "PulseSequenceName": "TFE" if contrast else "TSE",
            "EchoPulseSequence": "GRADIENT" if contrast else "SPIN",
            **({} if contrast else {"MultipleSpinEcho": "YES"}),
            "MultiPlanarExcitation": "NO",
            "PhaseContrast": "NO",
            "TimeOfFlightContrast": "NO",
            "SteadyStatePulseSequence": "NONE",
            "EchoPlanarPulseSequence": "NO",
            "SaturationRecovery": "NO",
            "SpectrallySelectedSuppression": "NONE",
            "OversamplingPhase": "NONE",
            "GeometryOfKSpaceTraversal": "RECTILINEAR",
            "RectilinearPhaseEncodeReordering": "LINEAR",
            "SegmentedKSpaceTraversal": "SINGLE",
            "NumberOfKSpaceTrajectories": 1,
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
    if values["MRAcquisitionType"] == "3D":
        dataset.CoverageOfKSpace = "FULL"
    if contrast:
        put(dataset, {"ContrastBolusAgentSequence": _contrast_agent()})
    image_pixel(dataset, protocol.rows, protocol.columns)
    size = protocol.rows, protocol.columns
    frames = (pixels.words(pixels.frame(protocol.look, *size, index % 8)) for index in range(protocol.frames))
    dataset.PixelData = b"".join(frames)
    dataset["PixelData"].VR = "OW"
    return dataset


def _contrast_agent() -> Dataset:
    """Enhanced Contrast/Bolus (PS3.3 C.7.6.4b): gadobutrol into a vein."""
    agent = code("407976008", "SCT", "Gadobutrol")
    put(
        agent,
        {
            "ContrastBolusAgentNumber": 1,
            "ContrastBolusAdministrationRouteSequence": code("47625008", "SCT", "Intravenous route"),
            "ContrastBolusIngredientCodeSequence": code("58281002", "SCT", "Gadolinium"),
            "ContrastBolusVolume": 7.5,
            "ContrastBolusIngredientConcentration": 604.72,
        },
    )
    return agent


def segmentation(patient: Patient, study: Study, series: Series) -> Dataset:
    """A binary segmentation of the nodule, one frame for every slice of the source series that meets it."""
    source = next(other for other in study.series if other.series_number == series.source)
    images = source.protocol
    slices = [
        (index, offsets)
        for index in range(images.instances)
        if (offsets := lesion(images, patient.nodule, index, images.instances))
    ]
    dataset = common(patient, study, series, SegmentationStorage)
    finish(dataset, study, series, 0)
    category = code("49755003", "SCT", "Morphologically Abnormal Structure")
    shared = item(
        PixelMeasuresSequence=item(
            PixelSpacing=(images.pixel_spacing, images.pixel_spacing),
            SliceThickness=images.thickness,
            SpacingBetweenSlices=images.step,
        ),
        PlaneOrientationSequence=item(ImageOrientationPatient=ORIENTATION[images.plane]),
    )
    per_frame = [
        item(
            FrameContentSequence=item(DimensionIndexValues=(1, order)),
            PlanePositionSequence=item(ImagePositionPatient=position(images, patient.nodule, index, images.instances)),
            SegmentIdentificationSequence=item(ReferencedSegmentNumber=1),
            DerivationImageSequence=item(
                SourceImageSequence=item(
                    ReferencedSOPClassUID=CTImageStorage,
                    ReferencedSOPInstanceUID=source.sop_instance_uid(index),
                    PurposeOfReferenceCodeSequence=code("121322", "DCM", "Source Image for Image Processing Operation"),
                ),
                DerivationCodeSequence=code("113076", "DCM", "Segmentation"),
            ),
        )
        for order, (index, _) in enumerate(slices, start=1)
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
            "ContentLabel": "NODULE",
            "ContentDescription": "Synthetic nodule",
            "ContentCreatorName": "SYNTHETIC^READER",
            "SegmentationType": "BINARY",
            "SegmentSequence": item(
                SegmentNumber=1,
                SegmentLabel="Nodule 1",
                SegmentAlgorithmType="MANUAL",
                SegmentedPropertyCategoryCodeSequence=category,
                SegmentedPropertyTypeCodeSequence=code("27925004", "SCT", "Nodule"),
                AnatomicRegionSequence=code("39607008", "SCT", "Lung"),
            ),
            "ReferencedSeriesSequence": item(
                SeriesInstanceUID=source.series_instance_uid,
                ReferencedInstanceSequence=[
                    item(
                        ReferencedSOPClassUID=CTImageStorage,
                        ReferencedSOPInstanceUID=source.sop_instance_uid(index),
                    )
                    for index, _ in slices
                ],
            ),
            "FrameOfReferenceUID": frame_of_reference(study),
            "PositionReferenceIndicator": None,
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
            "NumberOfFrames": len(slices),
            "SharedFunctionalGroupsSequence": shared,
            "PerFrameFunctionalGroupsSequence": per_frame,
        },
    )
    image_pixel(dataset, images.rows, images.columns, bits_allocated=1, bits_stored=1)
    mask: list[bool] = []
    for _, offsets in slices:
        inside = set(offsets)
        mask += [offset in inside for offset in range(images.rows * images.columns)]
    dataset.PixelData = pixels.bits(mask)
    dataset["PixelData"].VR = "OB"
    return dataset
