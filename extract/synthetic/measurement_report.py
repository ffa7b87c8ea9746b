"""What a reading says as a report of measurements (PS3.16 TID 1500), a group (TID 1411) for each segment."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from extract.synthetic.documents import content_item, number_item, report
from extract.synthetic.entities import Patient, Reading, Series, Study, uid
from extract.synthetic.iod_modules import code, item, put
from extract.synthetic.lesions import Lesion, LesionKind
from extract.synthetic.marked import side, site, source_series

#: Findings by the codes of the workstation's maker, as such lists have them where no standard code fits.
_FINDINGS: Mapping[LesionKind, tuple[str, str, str]] = {
    "GGN": ("GGN", "99ICDM", "Ground-glass nodule"),
    "SOLID_PART": ("SOLIDPART", "99ICDM", "Solid part"),
    "SOLID_NODULE": ("SOLIDNODULE", "99ICDM", "Solid nodule"),
    "BRAIN_METASTASIS": ("14799000", "SCT", "Neoplasm, Secondary"),
}
_MILLIMETRE = ("mm", "millimeter")


def measurement_report(patient: Patient, study: Study, series: Series) -> Dataset:
    """The true measures to a tenth, volumes in millilitres for every second patient, and who says so."""
    reading = series.reading
    assert reading
    mask_series = reading.series_instance_uid("SEG")
    mask = uid(mask_series, 0)
    groups = [
        _group(reading, lesion, number, mask, in_millilitres=patient.number % 2 == 0)
        for number, lesion in enumerate(reading.lesions, start=1)
    ]
    content = [
        content_item(
            "HAS CONCEPT MOD",
            "CODE",
            code("121049", "DCM", "Language of Content Item and Descendants"),
            ConceptCodeSequence=[code("en", "RFC5646", "English")],
        ),
        *_observer(reading, series),
        content_item(
            "HAS CONCEPT MOD",
            "CODE",
            code("121058", "DCM", "Procedure reported"),
            ConceptCodeSequence=[code("363679005", "SCT", "Imaging procedure")],
        ),
        content_item(
            "CONTAINS",
            "CONTAINER",
            code("126010", "DCM", "Imaging Measurements"),
            ContinuityOfContent="SEPARATE",
            ContentSequence=groups,
        ),
    ]
    title = code("126000", "DCM", "Imaging Measurement Report")
    dataset = report(patient, study, series, ComprehensiveSRStorage, title, content)
    reference = item(ReferencedSOPClassUID=SegmentationStorage, ReferencedSOPInstanceUID=mask)
    put(
        dataset,
        {
            "ContentTemplateSequence": item(MappingResource="DCMR", TemplateIdentifier="1500"),
            "CurrentRequestedProcedureEvidenceSequence": item(
                StudyInstanceUID=reading.holder_uid,
                ReferencedSeriesSequence=item(SeriesInstanceUID=mask_series, ReferencedSOPSequence=reference),
            ),
        },
    )
    return dataset


def _observer(reading: Reading, series: Series) -> list[Dataset]:
    """TID 1002: the reader, or the software as a device."""
    person, device = code("121006", "DCM", "Person"), code("121007", "DCM", "Device")
    kind = content_item(
        "HAS OBS CONTEXT",
        "CODE",
        code("121005", "DCM", "Observer Type"),
        ConceptCodeSequence=[person if reading.reader else device],
    )
    if reading.reader:
        name = code("121008", "DCM", "Person Observer Name")
        return [kind, content_item("HAS OBS CONTEXT", "PNAME", name, PersonName=reading.reader)]
    return [
        kind,
        content_item(
            "HAS OBS CONTEXT",
            "UIDREF",
            code("121012", "DCM", "Device Observer UID"),
            UID=uid("device", series.scanner.station),
        ),
        content_item(
            "HAS OBS CONTEXT", "TEXT", code("121013", "DCM", "Device Observer Name"), TextValue=reading.algorithm
        ),
    ]


def _group(reading: Reading, lesion: Lesion, number: int, mask: str, in_millilitres: bool) -> Dataset:
    """TID 1411: how the lesion is known, what and where it is, its segment, its measures."""
    measures = lesion.measures(reading.grid.plane)
    volume, unit = round(measures.volume, 1), ("mm3", "cubic millimeter")
    if in_millilitres:
        volume, unit = round(measures.volume / 1000, 4), ("ml", "milliliter")
    laterality = content_item(
        "HAS CONCEPT MOD", "CODE", code("272741003", "SCT", "Laterality"), ConceptCodeSequence=[side(lesion)]
    )
    segment = item(
        ReferencedSOPClassUID=SegmentationStorage, ReferencedSOPInstanceUID=mask, ReferencedSegmentNumber=number
    )
    return content_item(
        "CONTAINS",
        "CONTAINER",
        code("125007", "DCM", "Measurement Group"),
        ContinuityOfContent="SEPARATE",
        ContentTemplateSequence=[item(MappingResource="DCMR", TemplateIdentifier="1411")],
        ContentSequence=[
            content_item(
                "HAS OBS CONTEXT", "TEXT", code("112039", "DCM", "Tracking Identifier"), TextValue=lesion.name
            ),
            content_item(
                "HAS OBS CONTEXT",
                "UIDREF",
                code("112040", "DCM", "Tracking Unique Identifier"),
                UID=lesion.tracking_uid,
            ),
            content_item(
                "CONTAINS",
                "CODE",
                code("121071", "DCM", "Finding"),
                ConceptCodeSequence=[code(*_FINDINGS[lesion.kind])],
            ),
            content_item(
                "HAS CONCEPT MOD",
                "CODE",
                code("363698007", "SCT", "Finding Site"),
                ConceptCodeSequence=[site(lesion)],
                ContentSequence=[laterality],
            ),
            content_item(
                "CONTAINS", "IMAGE", code("121191", "DCM", "Referenced Segment"), ReferencedSOPSequence=[segment]
            ),
            content_item(
                "CONTAINS",
                "UIDREF",
                code("121232", "DCM", "Source series for segmentation"),
                UID=source_series(reading),
            ),
            number_item(code("118565006", "SCT", "Volume"), volume, unit),
            number_item(code("103339001", "SCT", "Long Axis"), round(measures.long_axis, 1), _MILLIMETRE),
            number_item(code("103340004", "SCT", "Short Axis"), round(measures.short_axis, 1), _MILLIMETRE),
            number_item(
                code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh"),
                round(measures.maximum_diameter, 1),
                _MILLIMETRE,
            ),
        ],
    )
