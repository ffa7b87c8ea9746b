"""What a synthetic scanner does in one series: SOP class, geometry and the attributes that its maker writes.

Pure data: nothing here touches a file, a patient or an identifier. Attribute names are DICOM keywords (PS3.6), lengths
are millimetres, times milliseconds, tube currents mA, exposures mAs, as the attributes themselves have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from extract.synthetic.lesions import Grid

#: One DICOM value: a tuple is a multi-valued attribute, None an attribute that is present but empty.
Value = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...] | None

Kind = Literal[
    "CR", "DX", "CT", "ENHANCED_CT", "MR", "ENHANCED_MR", "PT", "US", "MG", "SEG", "RTSTRUCT", "TEXT_SR", "DOSE_SR",
    "LESION_SEG", "LESION_RTSTRUCT", "LESION_SR",
]  # fmt: skip
Plane = Literal["axial", "coronal", "sagittal"]

#: The Modality (0008,0060) of each kind of object, PS3.3 C.7.3.1.1.1.
MODALITY: Mapping[Kind, str] = {
    "CR": "CR",
    "DX": "DX",
    "CT": "CT",
    "ENHANCED_CT": "CT",
    "MR": "MR",
    "ENHANCED_MR": "MR",
    "PT": "PT",
    "US": "US",
    "MG": "MG",
    "SEG": "SEG",
    "RTSTRUCT": "RTSTRUCT",
    "TEXT_SR": "SR",
    "DOSE_SR": "SR",
    "LESION_SEG": "SEG",
    "LESION_RTSTRUCT": "RTSTRUCT",
    "LESION_SR": "SR",
}


@dataclass(frozen=True)
class Scanner:
    """One machine, named as its maker writes itself; kernels are for CT, field strength (tesla) for MR."""

    manufacturer: str
    model: str
    software: str
    station: str
    lung_kernel: str = ""
    soft_kernel: str = ""
    field_strength: float = 0.0


@dataclass(frozen=True)
class Protocol:
    """One series before it has an identity.

    ``attributes`` are the same in every instance; ``varying`` holds one value per instance (tuples as long as
    ``instances``); ``absent`` names attributes that are left out although the writer would fill them in.
    ``frames`` counts the frames of one multi-frame instance. ``step`` is the distance of neighbouring slices. Where
    ``grid`` is given, it says where the slices lie.
    """

    kind: Kind
    look: str
    instances: int = 1
    frames: int = 1
    rows: int = 32
    columns: int = 32
    plane: Plane = "axial"
    thickness: float = 0.0
    step: float = 0.0
    pixel_spacing: float = 1.0
    attributes: Mapping[str, Value] = field(default_factory=dict)
    varying: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    grid: Grid | None = None

    def having(self, **attributes: Value) -> Protocol:
        """The same series with these attributes set in every instance."""
        varying = {keyword: values for keyword, values in self.varying.items() if keyword not in attributes}
        return replace(self, attributes={**self.attributes, **attributes}, varying=varying)

    def differing(self, **varying: tuple[Value, ...]) -> Protocol:
        """The same series with one value of these attributes per instance."""
        return replace(self, varying={**self.varying, **varying})

    def cut_to_even(self) -> Protocol:
        """The same series with an even number of instances, one less where it was odd."""
        count = self.instances // 2 * 2
        varying = {keyword: values[:count] for keyword, values in self.varying.items()}
        return replace(self, instances=count, varying=varying)

    def resized(self, instances: int, size: int) -> Protocol:
        """The same field of view in so many instances of ``size`` by ``size`` pixels; values per instance repeat."""
        varying = {
            keyword: tuple(values[index % len(values)] for index in range(instances))
            for keyword, values in self.varying.items()
        }
        spacing = round(self.pixel_spacing * self.rows / size, 4)
        return replace(self, instances=instances, rows=size, columns=size, pixel_spacing=spacing, varying=varying)

    def lacking(self, *keywords: str) -> Protocol:
        """The same series without these attributes."""
        return replace(self, absent=self.absent | set(keywords))


@dataclass(frozen=True)
class Wording:
    """Picks the language of free text: Korean where the patient's files have a character set that holds it."""

    korean: bool

    def __call__(self, english: str, korean: str) -> str:
        return korean if self.korean else english


CT_SCANNERS = (
    Scanner("SIEMENS", "SOMATOM Definition AS+", "syngo CT 2012B", "CT01", "B60f", "B31f"),
    Scanner("GE MEDICAL SYSTEMS", "LightSpeed VCT", "gmp_vct.42", "CT02", "LUNG", "STANDARD"),
    Scanner("Philips", "Brilliance 64", "3.5.17001", "CT03", "L", "B"),
    Scanner("TOSHIBA", "Aquilion ONE", "V4.51ER010", "CT04", "FC51", "FC13"),
    Scanner("Canon Medical Systems", "Aquilion ONE GENESIS", "V8.4", "CT05", "FC51", "FC13"),
)
MR_SCANNERS = (
    Scanner("SIEMENS", "Skyra", "syngo MR E11", "MR01", field_strength=3.0),
    Scanner("GE MEDICAL SYSTEMS", "DISCOVERY MR750", "24\\LX\\MR Software release:DV24.0", "MR02", field_strength=3.0),
    Scanner("Philips Medical Systems", "Achieva", "3.2.3", "MR03", field_strength=1.5),
)
#: Philips again, under the name and model its newer software writes; it exports enhanced multi-frame objects.
ENHANCED_MR_SCANNER = Scanner("Philips", "Ingenia", "5.1.7", "MR04", field_strength=3.0)
CR_SCANNERS = (
    Scanner("FUJIFILM Corporation", "5000", "A09", "CR01"),
    Scanner("Agfa-Gevaert", "CR 85-X", "NX 8.5", "CR02"),
)
DX_SCANNERS = (
    Scanner("Philips", "DigitalDiagnost", "4.0.3", "DX01"),
    Scanner("SIEMENS", "AXIOM Aristos FX", "VE31E", "DX02"),
    Scanner("GE MEDICAL SYSTEMS", "Discovery XR656", "dm_Platform_release", "DX03"),
)
PET_SCANNERS = (
    Scanner("GE MEDICAL SYSTEMS", "Discovery 690", "pet_coreload.44", "PT01", "LUNG", "STANDARD"),
    Scanner("SIEMENS", "Biograph64_mCT", "VG51C", "PT02", "B60f", "B31f"),
)
US_SCANNER = Scanner("Philips", "iU22", "6.3.7.706", "US01")
MG_SCANNER = Scanner("HOLOGIC, Inc.", "Selenia Dimensions", "1.8.3", "MG01")
#: The workstation that makes segmentations, structure sets and reports.
WORKSTATION = Scanner("DEMO IMAGING", "DEMO WORKSTATION", "1.0", "WS01")
#: The software that finds and measures lesions by itself.
DETECTOR = Scanner("DEMO IMAGING", "DEMO LESION FINDER", "2.1", "AI01")


def _modulated(rng: Random, instances: int, mean: int) -> tuple[int, ...]:
    """Tube current (mA) along the slices: high at the shoulders, low in the lungs, as automatic exposure does."""
    last = max(instances - 1, 1)
    bow = [(2 * index - last) ** 2 / last**2 for index in range(instances)]
    return tuple(round(mean * (0.7 + 0.6 * height)) + rng.randrange(0, 5) for height in bow)


def _ct(
    rng: Random,
    scanner: Scanner,
    description: str,
    *,
    instances: int,
    thickness: float,
    size: int,
    lung: bool,
    dose: tuple[int, int],
    contrast: bool,
    plane: Plane = "axial",
) -> Protocol:
    """A chest CT series; ``dose`` is (KVP, mean tube current in mA); a plane other than axial is a reformat."""
    kvp, current = dose
    reformat = plane != "axial"
    currents = (round(current * 0.9),) * instances if reformat else _modulated(rng, instances, current)
    attributes: dict[str, Value] = {
        "SeriesDescription": description,
        "ProtocolName": "CHEST ROUTINE" if contrast else "CHEST LOW DOSE" if current < 100 else "CHEST PLAIN",
        "BodyPartExamined": "CHEST",
        "PatientPosition": "HFS",
        "ImageType": ("DERIVED", "SECONDARY", "REFORMATTED") if reformat else ("ORIGINAL", "PRIMARY", "AXIAL"),
        "KVP": kvp,
        "ConvolutionKernel": scanner.lung_kernel if lung else scanner.soft_kernel,
        "SliceThickness": thickness,
        "WindowCenter": -600 if lung else 40,
        "WindowWidth": 1500 if lung else 400,
        "ExposureTime": 500,
        "DataCollectionDiameter": 500,
        "ReconstructionDiameter": 320,
        "GantryDetectorTilt": 0,
    }
    if contrast:
        attributes |= {"ContrastBolusAgent": "IOHEXOL 300", "ContrastBolusRoute": "IV", "ContrastBolusVolume": 90}
    return Protocol(
        "CT",
        "chest_contrast" if contrast else "chest",
        instances=instances,
        rows=size,
        columns=size,
        plane=plane,
        thickness=thickness,
        step=thickness,
        pixel_spacing=round(320 / size, 4),
        attributes=attributes,
        varying={"XRayTubeCurrent": currents, "Exposure": tuple(value // 2 for value in currents)},
    )


def _localizer(scanner: Scanner, instances: int = 1) -> Protocol:
    """The scout view from which the scan range is planned: ImageType value 3 is LOCALIZER (PS3.3 C.8.2.1.1.1)."""
    return Protocol(
        "CT",
        "chest",
        instances=instances,
        rows=48,
        columns=32,
        plane="coronal",
        thickness=1.0,
        step=1.0,
        pixel_spacing=10.0,
        attributes={
            "SeriesDescription": "Topogram" if scanner.manufacturer == "SIEMENS" else "SCOUT",
            "ProtocolName": "CHEST SCOUT",
            "BodyPartExamined": "CHEST",
            "PatientPosition": "HFS",
            "ImageType": ("ORIGINAL", "PRIMARY", "LOCALIZER"),
            "KVP": 120,
            "XRayTubeCurrent": 35,
            "SliceThickness": 1.0,
            "WindowCenter": 40,
            "WindowWidth": 400,
        },
    )


def low_dose_ct(rng: Random, scanner: Scanner, say: Wording) -> list[Protocol]:
    """A screening study: localizer, thin lung, mediastinum, coronal reformat, at 100 or 120 kV and 25 to 45 mA."""
    dose = (rng.choice((100, 120)), rng.randrange(25, 46))
    thin = rng.randrange(30, 37)
    thick = rng.randrange(12, 17)
    ax = say("Chest LDCT 1.0mm", "저선량 흉부 CT 1.0mm")
    return [
        _localizer(scanner, 2),
        _ct(rng, scanner, ax, instances=thin, thickness=1.0, size=32, lung=True, dose=dose, contrast=False),
        _ct(
            rng,
            scanner,
            say("Chest LDCT 3.0mm Mediastinum", "저선량 흉부 CT 종격동 3.0mm"),
            instances=thick,
            thickness=3.0,
            size=32,
            lung=False,
            dose=dose,
            contrast=False,
        ),
        _ct(
            rng,
            scanner,
            say("Chest LDCT COR 3mm", "저선량 흉부 CT 관상면"),
            instances=thick,
            thickness=3.0,
            size=32,
            lung=True,
            dose=dose,
            contrast=False,
            plane="coronal",
        ),
    ]


def enhanced_low_dose_ct(thin: Protocol, frames: int) -> Protocol:
    """The thin series of a low-dose CT as one multi-frame object (Enhanced CT Image Storage)."""
    return replace(thin, kind="ENHANCED_CT", instances=1, frames=frames)


def enhanced_ct(rng: Random, scanner: Scanner, say: Wording, size: int = 32) -> list[Protocol]:
    """A staging study: localizer, mediastinum and lung kernels with contrast medium, coronal reformat."""
    dose = (rng.choice((100, 120)), rng.randrange(180, 320))
    axial = rng.randrange(16, 22)
    coronal = rng.randrange(12, 17)
    return [
        _localizer(scanner),
        _ct(
            rng,
            scanner,
            say("CHEST CT ENHANCE 3.0 mm", "흉부 CT 조영증강"),
            instances=axial,
            thickness=3.0,
            size=size,
            lung=False,
            dose=dose,
            contrast=True,
        ),
        _ct(
            rng,
            scanner,
            say("CHEST CT ENHANCE LUNG 2.0 mm", "흉부 CT 조영증강 폐 2.0mm"),
            instances=axial,
            thickness=2.0,
            size=32,
            lung=True,
            dose=dose,
            contrast=True,
        ),
        _ct(
            rng,
            scanner,
            say("CHEST CT ENHANCE COR", "흉부 CT 조영증강 관상면"),
            instances=coronal,
            thickness=3.0,
            size=32,
            lung=False,
            dose=dose,
            contrast=True,
            plane="coronal",
        ),
    ]


def targeted_ct(scanner: Scanner, say: Wording, grid: Grid, contrast: bool) -> Protocol:
    """A reconstruction of the lesion alone, in pixels and slices of about a millimetre."""
    whole = _ct(
        Random(0),
        scanner,
        say("CHEST CT TARGET 1.0 mm", "흉부 CT 결절 1.0mm"),
        instances=grid.shape[0],
        thickness=grid.spacing[2],
        size=grid.shape[2],
        lung=True,
        dose=(120, 200),
        contrast=contrast,
    ).having(ReconstructionDiameter=round(grid.shape[2] * grid.spacing[1]))
    return replace(whole, look="lung", rows=grid.shape[1], pixel_spacing=grid.spacing[0], grid=grid)


def follow_up_ct(rng: Random, scanner: Scanner, say: Wording, contrast: bool) -> list[Protocol]:
    """A short control during treatment, with contrast medium or expressly without."""
    text = (
        say("CHEST CT CE F/U 5mm", "흉부 CT 추적 조영증강")
        if contrast
        else say("CHEST CT NON-ENHANCE 5mm", "흉부 CT 비조영")
    )
    return [
        _localizer(scanner),
        _ct(
            rng,
            scanner,
            text,
            instances=rng.randrange(10, 14),
            thickness=5.0,
            size=32,
            lung=False,
            dose=(120, rng.randrange(160, 240)),
            contrast=contrast,
        ),
    ]


def chest_abdomen_ct(rng: Random, scanner: Scanner, say: Wording) -> list[Protocol]:
    """Two regions in one go: a scout, the chest and the abdomen, with contrast medium."""
    dose = (120, rng.randrange(160, 240))
    regions = (
        ("CHEST", say("CHEST CT CE 5mm", "흉부 CT 조영증강")),
        ("ABDOMEN", say("ABDOMEN CT CE 5mm", "복부 CT 조영증강")),
    )
    return [
        _localizer(scanner),
        *(
            _ct(rng, scanner, text, instances=10, thickness=5.0, size=32, lung=False, dose=dose, contrast=True).having(
                BodyPartExamined=region, ProtocolName="CHEST ABDOMEN"
            )
            for region, text in regions
        ),
    ]


def chest_radiographs(rng: Random, kind: Literal["CR", "DX"], say: Wording) -> list[Protocol]:
    """A chest PA and, in most studies, a LATERAL view, a series each; computed or digital radiography."""
    two_views = rng.random() < 0.8
    views = (("PA", say("CHEST PA", "흉부 PA")), ("LL", say("CHEST LATERAL", "흉부 측면")))
    rows = rng.choice((64, 72, 80))
    made = []
    for view, description in views if two_views else views[:1]:
        attributes: dict[str, Value] = {
            "SeriesDescription": description,
            "BodyPartExamined": "CHEST",
            "ImageType": ("DERIVED", "PRIMARY"),
            "KVP": 120,
            "Exposure": rng.randrange(2, 9),
            "WindowCenter": 2048,
            "WindowWidth": 4096,
            "PatientOrientation": ("L", "F") if view == "PA" else ("A", "F"),
            "ViewPosition": view,
        }
        if kind == "CR" and rng.random() < 0.5:
            # Type 2 in the CR Series module (PS3.3 C.8.1.1): many readers leave it empty.
            attributes["ViewPosition"] = None
        made.append(
            Protocol(
                kind,
                "chest_pa" if view == "PA" else "chest_lateral",
                rows=rows,
                columns=64,
                pixel_spacing=5.0,
                attributes=attributes,
            )
        )
    return made


def _mr(
    scanner: Scanner,
    description: str,
    look: str,
    *,
    instances: int,
    thickness: float,
    times: tuple[float, float, float],
    sequence: tuple[str | tuple[str, ...], str],
    plane: Plane = "axial",
    volume: bool = False,
    contrast: bool = False,
) -> Protocol:
    """A brain MR series; ``times`` are repetition, echo and inversion time in ms (0: no inversion)."""
    repetition, echo, inversion = times
    size = 32 if volume else 40
    attributes: dict[str, Value] = {
        "SeriesDescription": description,
        "ProtocolName": description,
        "BodyPartExamined": "HEAD" if scanner.manufacturer == "SIEMENS" else "BRAIN",
        "PatientPosition": "HFS",
        "ImageType": ("ORIGINAL", "PRIMARY", "M", "ND")
        if scanner.manufacturer == "SIEMENS"
        else ("ORIGINAL", "PRIMARY", "OTHER"),
        "ScanningSequence": sequence[0],
        "SequenceVariant": sequence[1],
        "ScanOptions": None,
        "MRAcquisitionType": "3D" if volume else "2D",
        "RepetitionTime": repetition,
        "EchoTime": echo,
        "EchoTrainLength": 1 if volume else 16,
        "MagneticFieldStrength": scanner.field_strength,
        "ImagingFrequency": round(scanner.field_strength * 42.577, 3),
        "FlipAngle": 90 if "SE" in sequence[0] or not volume else 9,
        "SliceThickness": thickness,
        "SpacingBetweenSlices": thickness if volume else thickness * 1.2,
        "WindowCenter": 600,
        "WindowWidth": 1200,
    }
    if inversion:
        attributes["InversionTime"] = inversion
    if contrast:
        attributes |= {"ContrastBolusAgent": "GADOBUTROL", "ContrastBolusRoute": "IV", "ContrastBolusVolume": 7.5}
    return Protocol(
        "MR",
        look,
        instances=instances,
        rows=size,
        columns=size,
        plane=plane,
        thickness=thickness,
        step=thickness if volume else round(thickness * 1.2, 2),
        pixel_spacing=round(240 / size, 4),
        attributes=attributes,
    )


def brain_mr(rng: Random, scanner: Scanner, say: Wording, black_blood: bool) -> list[Protocol]:
    """A metastasis work-up: T1, T2, FLAIR, diffusion, enhanced T1 (thin or thick) and, in some, Black Blood."""
    slices = rng.randrange(10, 14)
    thin = rng.choice((0.8, 0.9, 1.0))
    made = [
        _mr(scanner, "AX T1", "brain_t1", instances=slices, thickness=5.0, times=(500, 9.5, 0), sequence=("SE", "SK")),
        _mr(scanner, "AX T2", "brain_t2", instances=slices, thickness=5.0, times=(4200, 98, 0), sequence=("SE", "SK")),
        _mr(
            scanner,
            "AX T2 FLAIR",
            "brain_flair",
            instances=slices,
            thickness=5.0,
            times=(9000, 120, 2500),
            sequence=("IR", "SK"),
        ),
        _mr(
            scanner,
            "DWI b1000",
            "brain_t2",
            instances=slices,
            thickness=5.0,
            times=(6000, 84, 0),
            sequence=("EP", "SK"),
        ).having(DiffusionBValue=1000.0),
        _mr(
            scanner,
            say("T1 3D MPRAGE +C", "T1 3D MPRAGE 조영증강"),
            "brain_t1ce",
            instances=rng.randrange(20, 29),
            thickness=thin,
            times=(2000, 2.5, 900),
            sequence=(("GR", "IR"), "MP"),
            plane=rng.choice(("axial", "sagittal")),
            volume=True,
            contrast=True,
        ),
        _mr(
            scanner,
            "AX T1 GD",
            "brain_t1ce",
            instances=slices,
            thickness=rng.choice((1.0, 5.0)),
            times=(520, 9.5, 0),
            sequence=("SE", "SK"),
            contrast=True,
        ),
    ]
    if black_blood:
        made.append(
            _mr(
                scanner,
                rng.choice(("BB T1 CE", "3D BLACK BLOOD CE")),
                "brain_t1ce",
                instances=rng.randrange(20, 27),
                thickness=1.0,
                times=(600, 20, 0),
                sequence=("SE", "SK"),
                volume=True,
                contrast=True,
            )
        )
    return made


def enhanced_brain_mr(rng: Random) -> list[Protocol]:
    """Two multi-frame objects (Enhanced MR Image Storage), plain T2 and enhanced T1, one instance each."""
    made = []
    for description, look, thickness, times, contrast in (
        ("AX T2 TSE", "brain_t2", 5.0, (4000.0, 90.0, 0.0), False),
        ("3D T1 TFE +GD", "brain_t1ce", 1.0, (2000.0, 3.0, 900.0), True),
    ):
        plain = _mr(
            ENHANCED_MR_SCANNER,
            description,
            look,
            instances=1,
            thickness=thickness,
            times=times,
            sequence=("SE", "SK"),
            volume=thickness <= 1,
            contrast=contrast,
        )
        made.append(replace(plain, kind="ENHANCED_MR", frames=rng.randrange(8, 13)))
    return made


def pet_ct(rng: Random, scanner: Scanner, say: Wording) -> list[Protocol]:
    """Whole-body FDG PET with the CT for attenuation correction, in one study."""
    slices = rng.randrange(20, 27)
    ct = _ct(
        rng,
        scanner,
        "CT WB 3.75mm",
        instances=slices,
        thickness=3.75,
        size=32,
        lung=False,
        dose=(120, 80),
        contrast=False,
    )
    return [
        ct.having(ProtocolName="PET-CT WB", BodyPartExamined="WHOLEBODY"),
        Protocol(
            "PT",
            "pet",
            instances=slices,
            rows=32,
            columns=32,
            thickness=3.75,
            step=3.75,
            pixel_spacing=10.0,
            attributes={
                "SeriesDescription": say("PET WB AC", "PET 전신 AC"),
                "ProtocolName": "PET-CT WB",
                "BodyPartExamined": "WHOLEBODY",
                "ImageType": ("ORIGINAL", "PRIMARY"),
                "SliceThickness": 3.75,
                "WindowCenter": 5000,
                "WindowWidth": 10000,
            },
        ),
    ]


def thoracic_ultrasound(say: Wording) -> list[Protocol]:
    """Pleural effusion seen with a curved probe of 3.5 MHz."""
    return [
        Protocol(
            "US",
            "ultrasound",
            instances=4,
            rows=64,
            columns=64,
            attributes={
                "SeriesDescription": say("US THORAX", "흉부 초음파"),
                "BodyPartExamined": "CHEST",
                "ImageType": ("ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"),
                "TransducerType": "CURVED LINEAR",
            },
        )
    ]


def screening_mammography() -> list[Protocol]:
    """Right and left craniocaudal and mediolateral oblique views, all four in one series."""
    views = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
    return [
        Protocol(
            "MG",
            "breast",
            instances=len(views),
            rows=64,
            columns=48,
            pixel_spacing=4.0,
            attributes={
                "SeriesDescription": "Screening Mammography",
                "BodyPartExamined": "BREAST",
                "ImageType": ("DERIVED", "PRIMARY"),
                "KVP": 28,
                "WindowCenter": 2048,
                "WindowWidth": 4096,
            },
            varying={
                "ImageLaterality": tuple(side for side, _ in views),
                "ViewPosition": tuple(view for _, view in views),
                "PatientOrientation": tuple(("P", "L") if side == "R" else ("A", "R") for side, _ in views),
            },
        )
    ]


DocumentKind = Literal["SEG", "RTSTRUCT", "TEXT_SR", "DOSE_SR", "LESION_SEG", "LESION_RTSTRUCT", "LESION_SR"]


def document(kind: DocumentKind) -> Protocol:
    """An object that is not an image of the patient: segmentation, structure set, report or dose report."""
    descriptions = {
        "SEG": "Nodule segmentation",
        "RTSTRUCT": "RTSTRUCT GTV",
        "TEXT_SR": "Radiology report",
        "DOSE_SR": "Dose report",
        "LESION_SEG": "Lesion segmentation",
        "LESION_RTSTRUCT": "Lesion contours",
        "LESION_SR": "Lesion measurements",
    }
    return Protocol(kind, "none", attributes={"SeriesDescription": descriptions[kind]})
