"""An invented archive of any size: headers as the reader gives them, without a file being written.

Half the series are CT, whose tube current and exposure change from slice to slice; a tenth of all series have a window
of their own per slice; one in twenty disagrees with itself on a series-level attribute; one in a hundred lies a second
time in another folder. Everything depends on the number of the series alone.
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from extract.attributes import AttributeList
from extract.header import Header
from extract.walk import FoundFile

INSTANCES_PER_SERIES = 66  # 47,333,016 instances in 717,169 series (Yoo et al. 2024)
SERIES_PER_STUDY = 3
SERIES_PER_COPY = 100

# Attributes of the standard that only the benchmark takes, so that there are about 45: name, tag, VR, level.
EXTRA_ATTRIBUTES = (
    ("AcquisitionDate", "00080022", "DA", "series"),
    ("BitsStored", "00280101", "US", "series"),
    ("DataCollectionDiameter", "00180090", "DS", "series"),
    ("EchoTime", "00180081", "DS", "series"),
    ("FlipAngle", "00181314", "DS", "series"),
    ("FrameOfReferenceUID", "00200052", "UI", "series"),
    ("GantryDetectorTilt", "00181120", "DS", "series"),
    ("ImageOrientationPatient", "00200037", "DS", "series"),
    ("MagneticFieldStrength", "00180087", "DS", "series"),
    ("PhotometricInterpretation", "00280004", "CS", "series"),
    ("ReconstructionDiameter", "00181100", "DS", "series"),
    ("RepetitionTime", "00180080", "DS", "series"),
    ("SoftwareVersions", "00181020", "LO", "series"),
    ("SpacingBetweenSlices", "00180088", "DS", "series"),
    ("CTDIvol", "00189345", "FD", "instance"),
    ("Exposure", "00181152", "IS", "instance"),
    ("ExposureTime", "00181150", "IS", "instance"),
    ("SAR", "00181316", "DS", "instance"),
)

_MODALITIES = ("CT", "MR", "CT", "MR", "CT", "MR", "CT", "MR", "CT", "US")
_SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}
_MAKERS = (
    ("SIEMENS", "SOMATOM Definition AS+", "syngo CT VA48A", "1.3.12.2.1107.5.1.4"),
    ("GE MEDICAL SYSTEMS", "Discovery CT750 HD", "gmp_hde.110_H_58_H2_M8_P1", "1.2.840.113619.2.55.3"),
    ("Philips", "Ingenuity CT", "4.1.7.20150", "1.3.46.670589.33.1"),
)
_REGIONS = ("CHEST", "ABDOMEN", "BRAIN", "LUNG", "KNEE", "")
_WINDOWS = (("40", "400"), ("-600", "1500"), ("40\\-600", "400\\1500"), ("35", "80"))
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def add_extra_attributes(seed: Path) -> None:
    """Append the benchmark's own attributes to a copy of the attribute seed; those it has already are left out."""
    with seed.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        fields = list(reader.fieldnames or [])
        present = {row["name"] for row in reader}
    with seed.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="", lineterminator="\n")
        for name, tag, vr, level in EXTRA_ATTRIBUTES:
            if name not in present:
                fixed = {"kind": "number" if vr in ("DS", "FD", "IS", "US") else "text", "aggregate": "mode"}
                purpose = {"privacy_action": "keep", "profile": "extended", "source": "benchmark", "status": "standard"}
                described = {"description": "Taken by the benchmark only."}
                writer.writerow({"name": name, "tag": tag, "vr": vr, "level": level} | fixed | purpose | described)


@dataclass(frozen=True)
class SyntheticSeries:
    """What the instances of a series share, and what they do not: per instance, the values of level instance."""

    folder: str
    copy_folder: str | None
    named_by_uid: bool
    header: Header
    disagreeing_from: int
    per_instance: tuple[dict[str, str], ...]


def number_of_files(series: int) -> int:
    """Return how many files a series has, a second copy included."""
    return INSTANCES_PER_SERIES * (2 if _is_copied(series) else 1)


def files_of_series(
    series: int, first: int, end: int, attributes: AttributeList, revision: int
) -> Iterator[tuple[str, FoundFile, Header]]:
    """Yield folder, file and header of the files from `first` to before `end` of a series.

    Another revision is the same series after its description was corrected in the archive.
    """
    content = _series(series, attributes, revision)
    names = [attribute.key for attribute in attributes.of_instance]
    uid = content.header.series_instance_uid
    disagreeing = content.header.attributes | {"ImageType": "DERIVED\\SECONDARY\\AXIAL"}
    started = datetime(2015, 1, 1) + timedelta(minutes=series)
    for position in range(first, end):
        slice_number = position % INSTANCES_PER_SERIES
        copy = position >= INSTANCES_PER_SERIES
        sop_instance_uid = f"{uid[:44]}.{slice_number + 1}.{series % 9973}"
        name = f"{sop_instance_uid}.dcm" if content.named_by_uid else f"IM-{series % 9999:04}-{slice_number + 1:04}.dcm"
        values = content.per_instance[slice_number]
        header = replace(
            content.header,
            sop_instance_uid=sop_instance_uid,
            instance_number=slice_number + 1,
            instance_creation=started + timedelta(seconds=slice_number),
            image_position_patient=f"-{150 + series % 50}.5\\-{180 + series % 40}.25\\{-320.5 + 1.25 * slice_number}",
            attributes=disagreeing if slice_number >= content.disagreeing_from else content.header.attributes,
            instance_values=[values.get(name) for name in names],
        )
        folder = content.copy_folder if copy and content.copy_folder is not None else content.folder
        size = 526_000 + (slice_number * 37) % 900
        yield folder, FoundFile(name, name, size, 1_400_000_000_000_000_000 + series * 1000 + revision), header


def _is_copied(series: int) -> bool:
    return series % SERIES_PER_COPY == SERIES_PER_COPY - 1


@lru_cache(maxsize=4)
def _series(series: int, attributes: AttributeList, revision: int) -> SyntheticSeries:
    rng = random.Random(series)
    study = series // SERIES_PER_STUDY
    modality = _MODALITIES[study % len(_MODALITIES)]
    maker = _MAKERS[study % len(_MAKERS)]
    day = (datetime(2010, 1, 1) + timedelta(days=study % 4000)).strftime("%Y%m%d")
    study_uid = f"{maker[3]}.{73513 + study % 12}.30000016{day}0742{study:010}"
    series_uid = f"{maker[3]}.{73513 + study % 12}.30000016{day}0742{series:011}{rng.randrange(10**6):06}"
    window = rng.choice(_WINDOWS)
    common = {
        **_of_equipment(rng, modality, maker, revision),
        "StudyDate": day,
        "SeriesDate": day,
        "AcquisitionDate": day,
        "StudyTime": f"{8 + study % 10:02}{study % 60:02}{study % 59:02}.{study % 1000:03}000",
        "StudyDescription": f"{modality} Thorax/Abdomen {'mit' if study % 2 else 'ohne'} Kontrastmittel",
        "SeriesNumber": str(series % SERIES_PER_STUDY + 2),
        "FrameOfReferenceUID": f"{study_uid[:50]}.{series % SERIES_PER_STUDY}",
    }
    header = Header(
        study_instance_uid=study_uid,
        series_instance_uid=series_uid,
        sop_instance_uid="",
        sop_class_uid=_SOP_CLASSES[modality],
        transfer_syntax_uid=_EXPLICIT_LITTLE_ENDIAN,
        patient_key=sha256(f"patient {study // 2}".encode()).hexdigest(),
        patient_issuer_key=None,
        accession_keys=(sha256(f"accession {study}".encode()).hexdigest(),),
        instance_number=None,
        number_of_frames=None,
        instance_creation=None,
        image_position_patient=None,
        attributes={a.key: common[a.key] for a in attributes.of_header if a.key in common},
        instance_values=[],
        values_masked=0,
    )
    folder = f"{day[:4]}/{day[4:6]}/PAT{study // 2:08}/{study_uid}/{series % SERIES_PER_STUDY + 2:04}_{modality}_AX_5_0"
    return SyntheticSeries(
        folder=folder,
        copy_folder=f"import/disk{series % 7:02}/{folder}" if _is_copied(series) else None,
        named_by_uid=study % 2 == 0,
        header=header,
        disagreeing_from=INSTANCES_PER_SERIES // 2 if rng.random() < 0.05 else INSTANCES_PER_SERIES,
        per_instance=tuple(_per_instance(rng, modality, window)),
    )


def _of_equipment(rng: random.Random, modality: str, maker: tuple[str, str, str, str], revision: int) -> dict[str, str]:
    region = rng.choice(_REGIONS)
    spacing = f"{rng.uniform(0.5, 0.98):.6f}"
    thickness = rng.choice(("5.0", "3.0", "1.25", "0.625"))
    values = {
        "BodyPartExamined": region,
        "SeriesDescription": f"{region.title()} {thickness} {rng.choice(('B30f', 'I70f', 'T1 FS', 'T2 TSE'))} axial"
        + (" (corrected)" if revision else ""),
        "PatientPosition": rng.choice(("HFS", "FFS", "HFP")),
        "Columns": "512",
        "Rows": "512",
        "Modality": modality,
        "ProtocolName": f"{rng.randrange(1, 20)}.{rng.randrange(1, 9)} Routine {region.title()} (Adult)",
        "Manufacturer": maker[0],
        "ManufacturerModelName": maker[1],
        "SoftwareVersions": maker[2],
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "PixelSpacing[1]": spacing,
        "PixelSpacing[2]": spacing,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": "12",
    }
    if modality != "US":
        values |= {
            "SliceThickness": thickness,
            "SpacingBetweenSlices": thickness,
            "ImageOrientationPatient": "1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000",
        }
    if modality == "CT":
        values |= {
            "ContrastBolusAgent": rng.choice(("", "ULTRAVIST 370", "APPLIED")),
            "KVP": rng.choice(("120", "100", "80")),
            "ConvolutionKernel": rng.choice(("B30f", "I70f\\3", "STANDARD", "LUNG")),
            "DataCollectionDiameter": "500",
            "ReconstructionDiameter": f"{rng.uniform(300, 500):.0f}",
            "GantryDetectorTilt": "0",
        }
    if modality == "MR":
        values |= {
            "MagneticFieldStrength": rng.choice(("1.5", "3")),
            "RepetitionTime": f"{rng.uniform(400, 6000):.2f}",
            "EchoTime": f"{rng.uniform(2, 120):.3f}",
            "FlipAngle": str(rng.randrange(5, 181)),
        }
    return values


def _per_instance(rng: random.Random, modality: str, window: tuple[str, str]) -> Iterator[dict[str, str]]:
    window_per_slice = rng.random() < 0.1
    current = rng.uniform(150, 400)
    dose = f"{rng.uniform(2, 20):.5f}"
    absorption = f"{rng.uniform(0.1, 3):.6f}"
    for _ in range(INSTANCES_PER_SERIES):
        center, width = window
        if window_per_slice:
            center, width = str(rng.randrange(200, 900)), str(rng.randrange(400, 1900))
        values = {"WindowCenter": center, "WindowWidth": width}
        if modality == "CT":
            current = min(700.0, max(60.0, current + rng.uniform(-25, 25)))
            values |= {
                "XRayTubeCurrent": f"{current:.0f}",
                "Exposure": f"{current * 0.5:.0f}",
                "ExposureTime": "500",
                "CTDIvol": dose,
            }
        elif modality == "MR":
            values["SAR"] = absorption
        else:
            values["TransducerFrequency"] = "3500"
        yield values
