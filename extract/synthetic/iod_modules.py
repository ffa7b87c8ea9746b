"""DICOM modules that every synthetic object shares (PS3.3 annex C): patient, study, series, equipment, image pixel.

Attributes of Type 1 have a value, those of Type 2 are at least present and empty, as the standard asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from extract.synthetic.entities import Patient, Series, Study, uid
from extract.synthetic.protocols import MODALITY, Value

INSTITUTION = "SYNTHETIC HOSPITAL"


def _decimal_string(number: str | int | float) -> str:
    """A number as scanners write it, 40 and not 40.0, within the 16 characters of a DS (PS3.5 section 6.2)."""
    return str(round(float(number), 4)).removesuffix(".0")


def put(dataset: Dataset, attributes: Mapping[str, Value | Dataset | list[Dataset]]) -> None:
    """Set attributes by DICOM keyword; a tuple is a multi-value, a Dataset a sequence of one item, None empty."""
    for keyword, value in attributes.items():
        if isinstance(value, Dataset):
            setattr(dataset, keyword, [value])
        elif isinstance(value, list) or value is None:
            setattr(dataset, keyword, value)
        elif dictionary_VR(keyword) == "DS":
            parts = value if isinstance(value, tuple) else (value,)
            setattr(dataset, keyword, "\\".join(map(_decimal_string, parts)))
        elif isinstance(value, tuple):
            setattr(dataset, keyword, list(value))
        else:
            setattr(dataset, keyword, value)


def item(**attributes: Value | Dataset | list[Dataset]) -> Dataset:
    """One sequence item with these attributes."""
    dataset = Dataset()
    put(dataset, attributes)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded entry (PS3.3 section 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


#: Anatomy of PS3.16 annex L by what the series shows.
CHEST = ("816094009", "SCT", "Chest")
BRAIN = ("12738006", "SCT", "Brain")
BREAST = ("76752008", "SCT", "Breast")


def clock(study: Study, seconds: int) -> str:
    """Wall time (HHMMSS) so many seconds after the study began."""
    hours, minutes, rest = (int(study.study_time[at : at + 2]) for at in (0, 2, 4))
    total = hours * 3600 + minutes * 60 + rest + seconds
    return f"{total // 3600 % 24:02d}{total // 60 % 60:02d}{total % 60:02d}"


def _age(born: date, on: date) -> int:
    """Full years of life."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def person_name(patient: Patient) -> str:
    """An openly synthetic name, with ideographic and phonetic groups where the files are in Korean ISO 2022."""
    name = f"SYNTHETIC^PATIENT^{patient.number:04d}"
    return f"{name}=合成^患者=합성^환자" if "ISO 2022 IR 149" in patient.character_set else name


def common(patient: Patient, study: Study, series: Series, sop_class_uid: str) -> Dataset:
    """SOP Common, Patient, Patient Study, General Study, General Series and General Equipment of one series."""
    protocol, scanner = series.protocol, series.scanner
    day = study.date_written.strftime("%Y%m%d")
    dataset = Dataset()
    charset = patient.character_set
    put(
        dataset,
        {
            "SpecificCharacterSet": charset if len(charset) > 1 else charset[0],
            "InstanceCreationDate": day,
            "SOPClassUID": sop_class_uid,
            "StudyDate": day,
            "SeriesDate": day,
            "ContentDate": day,
            "StudyTime": study.study_time,
            "SeriesTime": clock(study, 60 * series.series_number),
            "AccessionNumber": study.accession_written,
            "Modality": MODALITY[protocol.kind],
            "Manufacturer": scanner.manufacturer,
            "InstitutionName": INSTITUTION,
            "ReferringPhysicianName": None,
            "StationName": scanner.station,
            "StudyDescription": study.description,
            "ManufacturerModelName": scanner.model,
            "PatientName": person_name(patient),
            "PatientID": patient.patient_id,
            "PatientBirthDate": patient.birth_date.strftime("%Y%m%d"),
            "PatientSex": patient.sex,
            "PatientAge": f"{_age(patient.birth_date, study.study_date):03d}Y",
            "DeviceSerialNumber": f"SYN{scanner.station}",
            "SoftwareVersions": scanner.software,
            "StudyInstanceUID": study.study_instance_uid,
            "SeriesInstanceUID": series.series_instance_uid,
            "StudyID": f"{study.study_number}",
            "SeriesNumber": series.series_number,
        },
    )
    if patient.issuer:
        dataset.IssuerOfPatientID = patient.issuer
    if study.date_shift_days:
        dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    if study.accession_in_request_only:
        dataset.AccessionNumber = None
        put(
            dataset,
            {
                "RequestAttributesSequence": item(
                    AccessionNumber=study.accession_written,
                    RequestedProcedureID=f"RP{study.accession_number[4:]}",
                    ScheduledProcedureStepID=f"SP{study.accession_number[4:]}",
                )
            },
        )
    return dataset


def finish(dataset: Dataset, study: Study, series: Series, index: int) -> None:
    """Give an object what its place in the series and the series' own protocol say; these win over all defaults."""
    protocol = series.protocol
    put(dataset, protocol.attributes)
    put(dataset, {keyword: values[index] for keyword, values in protocol.varying.items()})
    put(
        dataset,
        {
            "SOPInstanceUID": series.sop_instance_uid(index),
            "InstanceNumber": index + 1,
            "InstanceCreationTime": clock(study, 60 * series.series_number + index + 1),
            "ContentTime": clock(study, 60 * series.series_number + index),
        },
    )
    if study.dotted_date:
        # ACR-NEMA 300 wrote dates as yyyy.mm.dd; PS3.5 table 6.2-1 still recommends that readers take them.
        dataset["StudyDate"].value = study.date_written.strftime("%Y.%m.%d")
    if study.time_written == "EMPTY":
        dataset.StudyTime = None
    absent = protocol.absent | ({"StudyTime"} if study.time_written == "ABSENT" else set())
    for keyword in absent:
        if keyword in dataset:
            delattr(dataset, keyword)


def image_pixel(dataset: Dataset, rows: int, columns: int, bits_allocated: int = 16, bits_stored: int = 12) -> None:
    """Image Pixel module (PS3.3 C.7.6.3) of one grey channel, without the pixels."""
    put(
        dataset,
        {
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": rows,
            "Columns": columns,
            "BitsAllocated": bits_allocated,
            "BitsStored": bits_stored,
            "HighBit": bits_stored - 1,
            "PixelRepresentation": 0,
        },
    )


def frame_of_reference(study: Study) -> str:
    """FrameOfReferenceUID shared by the series of a study, since the patient lay still."""
    return uid(study.study_instance_uid, "frame of reference")
