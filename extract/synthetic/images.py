"""Single-frame images: CT, MR, PET, CR, DX, mammography and ultrasound (PS3.3 annex A)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
)

from extract.synthetic import pixels
from extract.synthetic.entities import Patient, Series, Study
from extract.synthetic.geometry import ORIENTATION, lesion, position
from extract.synthetic.iod_modules import (
    BREAST,
    CHEST,
    clock,
    code,
    common,
    finish,
    frame_of_reference,
    image_pixel,
    item,
    put,
)
from extract.synthetic.lesions import LesionKind, mask
from extract.synthetic.protocols import Kind, Protocol

#: Stored value of the lesion in CT: 30 HU, or 80 HU with contrast medium.
_LESION_VALUE = {"chest": 1054, "chest_contrast": 1104}
#: Stored value in targeted CT: ground glass of -600 HU, all else of 30 HU.
_TARGET_VALUE: Mapping[LesionKind, int] = {"GGN": 424, "SOLID_PART": 1054, "SOLID_NODULE": 1054}


def _ct(dataset: Dataset, protocol: Protocol) -> None:
    put(dataset, {"RescaleIntercept": -1024, "RescaleSlope": 1, "AcquisitionNumber": 1})
    # A scout's values are no Hounsfield units.
    if "LOCALIZER" not in str(protocol.attributes["ImageType"]):
        dataset.RescaleType = "HU"


def _mr(dataset: Dataset, protocol: Protocol) -> None:
    put(dataset, {"AcquisitionNumber": 1, "NumberOfAverages": 1, "PixelBandwidth": 200, "ImagedNucleus": "1H"})


def _pt(dataset: Dataset, protocol: Protocol) -> None:
    """PET Series, Isotope and Image modules (PS3.3 C.8.9): FDG, decay corrected to the start of the scan."""
    put(
        dataset,
        {
            "Units": "BQML",
            "CountsSource": "EMISSION",
            "SeriesType": ("WHOLE BODY", "IMAGE"),
            "NumberOfSlices": protocol.instances,
            "CorrectedImage": ("DECY", "ATTN", "SCAT"),
            "DecayCorrection": "START",
            "CollimatorType": None,
            "AttenuationCorrectionMethod": "CT",
            "ReconstructionMethod": "OSEM 3D",
            "FrameReferenceTime": 0,
            "ActualFrameDuration": 120000,
            "DecayFactor": 1,
            "RescaleIntercept": 0,
            "RescaleSlope": 1,
            "PatientWeight": 64,
            "PatientOrientationCodeSequence": _with_modifier(
                code("102538003", "SCT", "recumbent"), code("40199007", "SCT", "supine")
            ),
            "PatientGantryRelationshipCodeSequence": code("102540008", "SCT", "headfirst"),
            "RadiopharmaceuticalInformationSequence": item(
                Radiopharmaceutical="FDG",
                RadiopharmaceuticalStartTime="070000",
                RadionuclideTotalDose=370000000.0,
                RadionuclideHalfLife=6586.2,
                RadionuclidePositronFraction=0.967,
                RadionuclideCodeSequence=code("77004003", "SCT", "^18^Fluorine"),
                RadiopharmaceuticalCodeSequence=code("35321007", "SCT", "Fluorodeoxyglucose F^18^"),
            ),
        },
    )


def _with_modifier(position_code: Dataset, modifier: Dataset) -> Dataset:
    put(position_code, {"PatientOrientationModifierCodeSequence": modifier})
    return position_code


def _cr(dataset: Dataset, protocol: Protocol) -> None:
    put(dataset, {"PhotometricInterpretation": "MONOCHROME1", "ImagerPixelSpacing": (5.0, 5.0)})


def _projection(dataset: Dataset, protocol: Protocol) -> None:
    """DX Image, Detector and Anatomy (PS3.3 C.8.11), which digital mammography shares."""
    put(
        dataset,
        {
            "PresentationIntentType": "FOR PRESENTATION",
            "PixelIntensityRelationship": "LOG",
            "PixelIntensityRelationshipSign": -1,
            "RescaleIntercept": 0,
            "RescaleSlope": 1,
            "RescaleType": "US",
            "PresentationLUTShape": "IDENTITY",
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
            "DetectorType": "DIRECT",
            "DetectorConfiguration": "AREA",
            "ImagerPixelSpacing": (protocol.pixel_spacing, protocol.pixel_spacing),
            "AcquisitionContextSequence": [],
            "AcquisitionDeviceProcessingDescription": None,
        },
    )


def _dx(dataset: Dataset, protocol: Protocol) -> None:
    _projection(dataset, protocol)
    put(
        dataset,
        {
            "ImageLaterality": "U",
            "AnatomicRegionSequence": code(*CHEST),
            "PositionerType": None,
            "ViewCodeSequence": _view(str(protocol.attributes["ViewPosition"])),
        },
    )


def _mg(dataset: Dataset, protocol: Protocol) -> None:
    """Mammography Image (PS3.3 C.8.11.7); side and view are of the single image, the sides mixed in the series."""
    _projection(dataset, protocol)
    put(
        dataset,
        {
            "PositionerType": "MAMMOGRAPHIC",
            "OrganExposed": "BREAST",
            "AnatomicRegionSequence": code(*BREAST),
            "BreastImplantPresent": "NO",
            "PartialView": "NO",
        },
    )


def _view(view_position: str) -> Dataset:
    """View code with its (empty) modifiers."""
    dataset = code(*_VIEWS[view_position])
    put(dataset, {"ViewModifierCodeSequence": []})
    return dataset


def _us(dataset: Dataset, protocol: Protocol) -> None:
    """US Region Calibration and US Image (PS3.3 C.8.5.5, C.8.5.6): one 2D tissue region, frequency in kHz."""
    put(
        dataset,
        {
            "NumberOfStages": 1,
            "NumberOfViewsInStage": 1,
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
            "PatientOrientation": None,
            "SequenceOfUltrasoundRegions": item(
                RegionSpatialFormat=1,
                RegionDataType=1,
                RegionFlags=0,
                RegionLocationMinX0=0,
                RegionLocationMinY0=0,
                RegionLocationMaxX1=protocol.columns - 1,
                RegionLocationMaxY1=protocol.rows - 1,
                PhysicalUnitsXDirection=3,
                PhysicalUnitsYDirection=3,
                PhysicalDeltaX=0.25,
                PhysicalDeltaY=0.25,
                TransducerFrequency=3500,
            ),
        },
    )


_KINDS: Mapping[Kind, tuple[UID, Callable[[Dataset, Protocol], None]]] = {
    "CT": (CTImageStorage, _ct),
    "MR": (MRImageStorage, _mr),
    "PT": (PositronEmissionTomographyImageStorage, _pt),
    "CR": (ComputedRadiographyImageStorage, _cr),
    "DX": (DigitalXRayImageStorageForPresentation, _dx),
    "MG": (DigitalMammographyXRayImageStorageForPresentation, _mg),
    "US": (UltrasoundImageStorage, _us),
}
#: Views of PS3.16 CID 4010 and 4014 by ViewPosition.
_VIEWS = {
    "PA": ("272479007", "SCT", "postero-anterior"),
    "LL": ("399173006", "SCT", "left lateral"),
    "CC": ("399162004", "SCT", "cranio-caudal"),
    "MLO": ("399368009", "SCT", "medio-lateral oblique"),
}
_CROSS_SECTIONAL = ("CT", "MR", "PT")


def base(patient: Patient, study: Study, series: Series) -> Dataset:
    """What all instances of an image series have in common."""
    protocol = series.protocol
    sop_class, fill = _KINDS[protocol.kind]
    dataset = common(patient, study, series, sop_class)
    dataset.AcquisitionDate = study.date_written.strftime("%Y%m%d")
    put(dataset, {"PatientOrientation": None})
    if protocol.kind == "US":
        image_pixel(dataset, protocol.rows, protocol.columns, 8, 8)
    else:
        image_pixel(dataset, protocol.rows, protocol.columns, bits_stored=16 if protocol.kind == "PT" else 12)
    if protocol.kind in _CROSS_SECTIONAL:
        del dataset.PatientOrientation
        put(
            dataset,
            {
                "FrameOfReferenceUID": frame_of_reference(study),
                "PositionReferenceIndicator": None,
                "ImageOrientationPatient": ORIENTATION[protocol.plane],
                "PixelSpacing": (protocol.pixel_spacing, protocol.pixel_spacing),
            },
        )
    fill(dataset, protocol)
    return dataset


def pixel_data(patient: Patient, series: Series, index: int) -> bytes:
    """PixelData of the instance at ``index``; lesions are painted into chest CT where the slice meets them."""
    protocol = series.protocol
    if protocol.kind == "US":
        return pixels.ultrasound(protocol.rows, protocol.columns, index)
    values = pixels.frame(protocol.look, protocol.rows, protocol.columns, index % 8)
    if protocol.kind != "CT":
        return pixels.words(values)
    painted = list(values)
    if protocol.grid:
        for one in series.lesions:
            for offset in np.flatnonzero(mask(protocol.grid, one)[index]).tolist():
                painted[offset] = _TARGET_VALUE[one.kind]
        return pixels.words(painted)
    for offset in lesion(protocol, patient.nodule, index, protocol.instances):
        painted[offset] = _LESION_VALUE[protocol.look]
    return pixels.words(painted)


def complete(dataset: Dataset, patient: Patient, study: Study, series: Series, index: int) -> None:
    """Turn the series' common dataset into the instance at ``index``, in place: all its own values are set anew."""
    protocol = series.protocol
    dataset.AcquisitionTime = clock(study, 60 * series.series_number + index)
    if protocol.kind in _CROSS_SECTIONAL:
        corner = position(protocol, patient.nodule, index, protocol.instances)
        axis = {"axial": 2, "coronal": 1, "sagittal": 0}[protocol.plane]
        put(dataset, {"ImagePositionPatient": corner, "SliceLocation": corner[axis]})
    if protocol.kind == "PT":
        dataset.ImageIndex = index + 1
    finish(dataset, study, series, index)
    if protocol.kind == "MG":
        dataset.ViewCodeSequence = [_view(str(dataset.ViewPosition))]
    dataset.PixelData = pixel_data(patient, series, index)
    dataset["PixelData"].VR = "OB" if protocol.kind == "US" else "OW"
