"""Objects without pixels: RT Structure Set, Basic Text SR and X-Ray Radiation Dose SR (PS3.3 A.19, A.35)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import UID, BasicTextSRStorage, CTImageStorage, RTStructureSetStorage, XRayRadiationDoseSRStorage

from extract.synthetic.entities import Patient, Series, Study, uid
from extract.synthetic.geometry import lesion, position
from extract.synthetic.iod_modules import clock, code, common, finish, frame_of_reference, item, put

#: The detached study reference that RT Referenced Study Sequence asks for (PS3.6 annex A, retired but still required).
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"


def structure_set(patient: Patient, study: Study, series: Series) -> Dataset:
    """One region of interest, the gross tumour volume: a rectangle round the lesion on every slice it meets."""
    source = next(other for other in study.series if other.series_number == series.source)
    images = source.protocol
    slices = [
        (index, offsets)
        for index in range(images.instances)
        if (offsets := lesion(images, patient.nodule, index, images.instances))
    ]
    references = [
        item(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=source.sop_instance_uid(index))
        for index, _ in slices
    ]
    contours = []
    for (index, offsets), reference in zip(slices, references, strict=True):
        x, y, z = position(images, patient.nodule, index, images.instances)
        columns = [offset % images.columns for offset in offsets]
        rows = [offset // images.columns for offset in offsets]
        half = images.pixel_spacing / 2
        left, right = x + min(columns) * half * 2 - half, x + max(columns) * half * 2 + half
        front, back = y + min(rows) * half * 2 - half, y + max(rows) * half * 2 + half
        corners = (left, front, z, right, front, z, right, back, z, left, back, z)
        contours.append(
            item(
                ContourImageSequence=[reference],
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=4,
                ContourData=tuple(round(value, 2) for value in corners),
            )
        )
    dataset = common(patient, study, series, RTStructureSetStorage)
    finish(dataset, study, series, 0)
    del dataset.ContentDate, dataset.ContentTime  # an RT object carries StructureSetDate and Time instead
    frame = frame_of_reference(study)
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
                    ReferencedSOPInstanceUID=study.study_instance_uid,
                    RTReferencedSeriesSequence=item(
                        SeriesInstanceUID=source.series_instance_uid, ContourImageSequence=references
                    ),
                ),
            ),
            "StructureSetROISequence": item(
                ROINumber=1, ReferencedFrameOfReferenceUID=frame, ROIName="GTV-1", ROIGenerationAlgorithm="MANUAL"
            ),
            "ROIContourSequence": item(ROIDisplayColor=(255, 0, 0), ReferencedROINumber=1, ContourSequence=contours),
            "RTROIObservationsSequence": item(
                ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="GTV", ROIInterpreter=None
            ),
            "ApprovalStatus": "UNAPPROVED",
        },
    )
    return dataset


def content_item(relationship: str, kind: str, concept: Dataset, **value: object) -> Dataset:
    """One node of an SR content tree (PS3.3 C.17.3)."""
    node = item(RelationshipType=relationship, ValueType=kind, ConceptNameCodeSequence=concept)
    for keyword, content in value.items():
        setattr(node, keyword, content)
    return node


def number_item(concept: Dataset, amount: float, unit: tuple[str, str]) -> Dataset:
    measured = item(NumericValue=amount, MeasurementUnitsCodeSequence=code(unit[0], "UCUM", unit[1]))
    return content_item("CONTAINS", "NUM", concept, MeasuredValueSequence=[measured])


def report(
    patient: Patient, study: Study, series: Series, sop_class: UID, title: Dataset, content: list[Dataset]
) -> Dataset:
    """SR Document Series, SR Document General and the root container."""
    dataset = common(patient, study, series, sop_class)
    finish(dataset, study, series, 0)
    put(
        dataset,
        {
            "ReferencedPerformedProcedureStepSequence": [],
            "CompletionFlag": "COMPLETE",
            "VerificationFlag": "UNVERIFIED",
            "PerformedProcedureCodeSequence": [],
            "ValueType": "CONTAINER",
            "ConceptNameCodeSequence": title,
            "ContinuityOfContent": "SEPARATE",
            "ContentSequence": content,
        },
    )
    return dataset


def text_report(patient: Patient, study: Study, series: Series) -> Dataset:
    """A radiology report of two headed paragraphs (Basic Text SR)."""
    findings = code("121070", "DCM", "Findings"), code("121071", "DCM", "Finding")
    conclusions = code("121076", "DCM", "Conclusions"), code("121077", "DCM", "Conclusion")
    sections = ((*findings, "Synthetic nodule in one lung."), (*conclusions, "Synthetic report, of no patient."))
    content = [
        content_item(
            "CONTAINS",
            "CONTAINER",
            heading,
            ContinuityOfContent="SEPARATE",
            ContentSequence=[content_item("CONTAINS", "TEXT", concept, TextValue=text)],
        )
        for heading, concept, text in sections
    ]
    title = code("18748-4", "LN", "Diagnostic Imaging Report")
    return report(patient, study, series, BasicTextSRStorage, title, content)


def dose_report(patient: Patient, study: Study, series: Series) -> Dataset:
    """A CT dose report after PS3.16 TID 10011: observer, scope, accumulated dose and one acquisition."""
    start = f"{study.date_written:%Y%m%d}{clock(study, 60)}"
    scope = content_item(
        "HAS OBS CONTEXT",
        "CODE",
        code("113705", "DCM", "Scope of Accumulation"),
        ConceptCodeSequence=[code("113014", "DCM", "Study")],
        ContentSequence=[
            content_item(
                "HAS PROPERTIES", "UIDREF", code("110180", "DCM", "Study Instance UID"), UID=study.study_instance_uid
            )
        ],
    )
    procedure = content_item(
        "HAS CONCEPT MOD",
        "CODE",
        code("121058", "DCM", "Procedure reported"),
        ConceptCodeSequence=[code("77477000", "SCT", "Computed Tomography X-Ray")],
        ContentSequence=[
            content_item(
                "HAS CONCEPT MOD",
                "CODE",
                code("363703001", "SCT", "Has Intent"),
                ConceptCodeSequence=[code("261004008", "SCT", "Diagnostic Intent")],
            )
        ],
    )
    observer = [
        content_item(
            "HAS OBS CONTEXT",
            "CODE",
            code("121005", "DCM", "Observer Type"),
            ConceptCodeSequence=[code("121007", "DCM", "Device")],
        ),
        content_item(
            "HAS OBS CONTEXT",
            "UIDREF",
            code("121012", "DCM", "Device Observer UID"),
            UID=uid("device", series.scanner.station),
        ),
    ]
    accumulated = content_item(
        "CONTAINS",
        "CONTAINER",
        code("113811", "DCM", "CT Accumulated Dose Data"),
        ContinuityOfContent="SEPARATE",
        ContentSequence=[
            number_item(code("113812", "DCM", "Total Number of Irradiation Events"), 1, ("{events}", "events")),
            number_item(code("113813", "DCM", "CT Dose Length Product Total"), 312, ("mGy.cm", "mGy.cm")),
        ],
    )
    acquisition = content_item(
        "CONTAINS",
        "CONTAINER",
        code("113819", "DCM", "CT Acquisition"),
        ContinuityOfContent="SEPARATE",
        ContentSequence=[
            content_item(
                "CONTAINS",
                "CODE",
                code("123014", "DCM", "Target Region"),
                ConceptCodeSequence=[code("816094009", "SCT", "Chest")],
            ),
            content_item(
                "CONTAINS",
                "CODE",
                code("113820", "DCM", "CT Acquisition Type"),
                ConceptCodeSequence=[code("116152004", "SCT", "Spiral Acquisition")],
            ),
            content_item(
                "CONTAINS",
                "UIDREF",
                code("113769", "DCM", "Irradiation Event UID"),
                UID=uid(study.study_instance_uid, "irradiation"),
            ),
            number_item(code("113830", "DCM", "Mean CTDIvol"), 8, ("mGy", "mGy")),
            number_item(code("113838", "DCM", "DLP"), 312, ("mGy.cm", "mGy.cm")),
        ],
    )
    begun = content_item(
        "HAS OBS CONTEXT", "DATETIME", code("113809", "DCM", "Start of X-Ray Irradiation"), DateTime=start
    )
    ended = content_item(
        "HAS OBS CONTEXT", "DATETIME", code("113810", "DCM", "End of X-Ray Irradiation"), DateTime=start
    )
    source = content_item(
        "CONTAINS",
        "CODE",
        code("113854", "DCM", "Source of Dose Information"),
        ConceptCodeSequence=[code("113856", "DCM", "Automated Data Collection")],
    )
    content = [procedure, *observer, begun, ended, scope, accumulated, acquisition, source]
    title = code("113701", "DCM", "X-Ray Radiation Dose Report")
    return report(patient, study, series, XRayRadiationDoseSRStorage, title, content)
