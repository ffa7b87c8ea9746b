"""Structured reports with measurement groups, one for each lesion (PS3.16 TID 1500 and what it includes).

What a report states is taken as stated. A group is recognised by its code or its template, wherever it stands, since
reports differ from the template in all that does not matter to their writers.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom import Dataset, dcmread

from extract.annotations.annotation import (
    Annotation,
    AnnotationError,
    AnnotationFile,
    Generation,
    NotAnAnnotationError,
    Value,
)
from extract.annotations.context import ReadContext
from extract.annotations.dicom_content import (
    code_text,
    content_datetime,
    first_code,
    items,
    person_names,
    system,
    text,
    wording,
)
from extract.header import coded_concept, timestamp

Code = tuple[str, str]  # value and scheme

# Concept names (PS3.16 annex D); SNOMED-RT codes are met as SCT.
_MEASUREMENT_GROUP, _IMAGING_MEASUREMENTS = ("125007", "DCM"), ("126010", "DCM")
_TRACKING_IDENTIFIER, _TRACKING_UID = ("112039", "DCM"), ("112040", "DCM")
_FINDING, _FINDING_CATEGORY = ("121071", "DCM"), ("276214006", "SCT")
_FINDING_SITE, _LATERALITY = ("363698007", "SCT"), ("272741003", "SCT")
_PERSON_OBSERVER = ("121008", "DCM")
_DEVICE_MANUFACTURER, _DEVICE_MODEL, _DEVICE_NAME = ("121014", "DCM"), ("121015", "DCM"), ("121013", "DCM")
_DEVICE_OBSERVER = {_DEVICE_NAME, _DEVICE_MANUFACTURER, _DEVICE_MODEL, ("121012", "DCM")}
_ALGORITHM_NAME, _ALGORITHM_VERSION = ("111001", "DCM"), ("111003", "DCM")
_DERIVATION = ("121401", "DCM")
_SOURCE_SERIES = ("121232", "DCM")
_SEGMENTS = {("121191", "DCM"), ("121214", "DCM")}  # Referenced Segment, Referenced Segmentation Frame
# What is of the whole report: Derived Imaging Measurements (TID 1420), Qualitative Evaluations (TID 1500).
_OF_REPORT = {("126011", "DCM"), ("C0034375", "UMLS")}
# Who observed, and the algorithm: said of the group in fields of its own.
_OBSERVER = {_PERSON_OBSERVER, *_DEVICE_OBSERVER, *((str(number), "DCM") for number in range(121005, 121018))}
_SAID_ELSEWHERE = _OBSERVER | {_ALGORITHM_NAME, _ALGORITHM_VERSION, _SOURCE_SERIES}

_GROUP_TEMPLATES = ("1410", "1411", "1501")
_REPORT_TITLES = {(str(number), "DCM") for number in range(126000, 126004)}  # CID 7021
_DOSE = "a dose report, which marks nothing on images"
_DOSE_TITLES = {("113701", "DCM"), ("113500", "DCM")}
_DOSE_TEMPLATES = ("10001", "10011", "10021", "10030", "10040")

# Storage SOP classes below 1.2.840.10008.5.1.4.1.1.88 (PS3.4 annex B.5) that mark nothing on images, or are not read.
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_NO_ANNOTATIONS = {
    "40": "a procedure log",
    "59": "a selection of key images, which marks nothing on them",
    "67": _DOSE,
    "68": _DOSE,
    "70": "a plan of an implantation",
    "71": "the context of an acquisition",
    "73": _DOSE,
    "74": "a plan of imaging agents",
    "75": "a record of imaging agents",
    "76": _DOSE,
    "77": "annotations of waveforms, not of images",
}
_NOT_READ = {"50": "4000", "65": "4100", "69": "4120", "72": "5300"}
# Root templates of reports whose measurements stand in other trees, or are no lesion's: CAD of breast, chest and colon;
# obstetrics, vessels and heart.
_OTHER_TEMPLATES = {
    **dict.fromkeys(("4000", "4100", "4120"), "CAD SR"),
    **dict.fromkeys(("3250", "3300", "3500", "3700", "3800", "3900", "5000", "5100", "5200", "5220", "5300"), "an SR"),
}
# What is no image, though a report refers to it: presentations, segmentations, value maps, reports, radiotherapy.
_NO_IMAGES = tuple(f"1.2.840.10008.5.1.4.1.1.{branch}" for branch in ("11.", "66.", "67", "88.", "481."))


def read(path: Path, context: ReadContext) -> AnnotationFile:
    """Read the measurement groups of a report.

    - Values are all measurements, coded evaluations and texts of a group, each by its own code; where a derivation is
      stated (mean, maximum ...) its meaning is part of the name. A unit that is no UCUM code is a code in full.
    - Generation: MANUAL where only persons observed and no algorithm is named, AUTOMATIC where only devices or
      algorithms did, and unknown where both are named.
    - Series: the source series of a segmentation, else the one that most of the group's images lie in, by the
      report's evidence or the scanned images, else the only series of images in the evidence.

    Raises NotAnAnnotationError (a report that marks nothing), AnnotationError (one that is not read, or without a
    measurement group), OSError and what pydicom raises on bytes that are no data set. No message holds a value.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Report(dcmread(path, force=True, stop_before_pixels=True), context).read()


@dataclass(frozen=True)
class _Observers:
    """Who observed what follows, as far as it is said."""

    persons: tuple[str, ...] = ()
    has_device: bool = False
    device: str = ""


class _Report:
    """One report while it is read."""

    def __init__(self, dataset: Dataset, context: ReadContext) -> None:
        self.dataset = dataset
        self.context = context
        self.evidence, self.series_of_evidence = _evidence(dataset)

    def read(self) -> AnnotationFile:
        self._refuse_by_class()
        groups = list(self._groups(self.dataset, self._author()))
        if not groups:
            self._refuse_without_groups()
        self.context.also_identifying(person_names(self.dataset))
        return AnnotationFile([self._annotation(number, *group) for number, group in enumerate(groups, start=1)])

    # What is a report of lesions, and what is not.

    def _refuse_by_class(self) -> None:
        sop_class = text(self.dataset, "SOPClassUID")
        template, title = _template(self.dataset), _name(self.dataset)
        if sop_class and not sop_class.startswith(_REPORTS):
            raise NotAnAnnotationError("not a structured report")
        if reason := _NO_ANNOTATIONS.get(sop_class.removeprefix(_REPORTS)):
            raise NotAnAnnotationError(reason)
        if template in _DOSE_TEMPLATES or title in _DOSE_TITLES:
            raise NotAnAnnotationError(_DOSE)
        template = _NOT_READ.get(sop_class.removeprefix(_REPORTS), template)
        if template in _OTHER_TEMPLATES:
            raise AnnotationError(f"{_OTHER_TEMPLATES[template]} of TID {template} is not read", None)

    def _refuse_without_groups(self) -> None:
        if _template(self.dataset) == "1500" or _name(self.dataset) in _REPORT_TITLES:
            raise AnnotationError("no measurement group in the measurement report", None)
        if any(text(item, "ValueType") == "NUM" for item in _descendants(self.dataset)):
            raise NotAnAnnotationError("a report without measurement groups (TID 1500)")
        raise NotAnAnnotationError("a report in words, without measurements")

    def _groups(self, parent: Dataset, observers: _Observers) -> Iterator[tuple[Dataset, _Observers]]:
        """Find the measurement groups below an item, with who observed them."""
        observers = self._observers(parent, observers)
        for item in items(parent, "ContentSequence"):
            if text(item, "ValueType") == "CONTAINER":
                if _is_group(item, parent):
                    yield item, self._observers(item, observers)
                yield from self._groups(item, observers)

    def _author(self) -> _Observers:
        """Return who wrote the report (AuthorObserverSequence), which holds where its content names no observer."""
        authors = items(self.dataset, "AuthorObserverSequence")
        names = tuple(name for author in authors if (name := text(author, "PersonName")))
        return _Observers(names, any(text(author, "ObserverType") == "DEV" for author in authors))

    def _observers(self, item: Dataset, inherited: _Observers) -> _Observers:
        """Return the observers that an item names (TID 1002), else those of what it stands in."""
        found = [child for child in items(item, "ContentSequence") if _name(child) in _OBSERVER]
        said = {_name(child): self._words(child) for child in found}
        persons = tuple(
            name for child in found if _name(child) == _PERSON_OBSERVER and (name := text(child, "PersonName"))
        )
        has_device = any(name in _DEVICE_OBSERVER for name in said)
        if not persons and not has_device:
            return inherited
        made = " ".join(filter(None, (said.get(_DEVICE_MANUFACTURER), said.get(_DEVICE_MODEL))))
        return _Observers(persons, has_device, made or said.get(_DEVICE_NAME, ""))

    # What a group says.

    def _annotation(self, number: int, group: Dataset, observers: _Observers) -> Annotation:
        context = self.context
        content = list(_content(group))
        taken: dict[Code, Dataset] = {}
        for item in content:
            taken.setdefault(_name(item), item)
        finding, site = taken.get(_FINDING), self._site(content)
        finding_code = self._code_of(finding)
        tracking_id = self._text_of(taken.get(_TRACKING_IDENTIFIER))
        label = None if finding_code else self._text_of(finding) or tracking_id
        algorithm = self._algorithm(group)
        images = frozenset(self._images(group))
        study, series = self._series(taken.get(_SOURCE_SERIES), images)
        annotation = Annotation(
            number,
            label=label,
            finding_code=finding_code,
            category_code=self._code_of(taken.get(_FINDING_CATEGORY)),
            site_code=self._code_of(site),
            laterality_code=self._laterality(site, taken.get(_LATERALITY)),
            tracking_id=tracking_id,
            tracking_uid=text(taken.get(_TRACKING_UID, Dataset()), "UID") or None,
            study_instance_uid=study,
            series_instance_uid=series,
            frame_of_reference_uid=next(filter(None, map(_frame_of_reference, _descendants(group))), None),
            annotated_at=_date_time(text(group, "ObservationDateTime")) or content_datetime(self.dataset),
            generation=_generation(observers, algorithm),
            algorithm_name=algorithm,
            annotation_system=system(self.dataset, context) or wording(observers.device, context),
            annotator_key=context.annotator_key(observers.persons[0]) if observers.persons else None,
            images=images,
        )
        if _name(group) in _OF_REPORT:
            annotation.problem = "said of the whole report, not of one lesion"
        annotation.values = self._values(content, taken, label or _meaning(finding_code))
        annotation.values += self._segments(group)
        return annotation

    def _values(self, content: list[Dataset], taken: dict[Code, Dataset], called: str) -> list[Value]:
        """Return the values of a group, but for what its annotation says in fields of its own."""
        fields = (_TRACKING_IDENTIFIER, _TRACKING_UID, _FINDING, _FINDING_CATEGORY, _FINDING_SITE, _LATERALITY)
        said = {id(taken[name]) for name in fields if name in taken}
        values = [Value("AnnotationText", called)] if called else []
        for item in content:
            if _name(item) in _SAID_ELSEWHERE:
                continue
            if id(item) not in said:
                value = self._number(item) if text(item, "ValueType") == "NUM" else self._evaluation(item)
                values += [value] if value else []
            else:
                values += [value for code, value in self._modifiers(item) if code != _LATERALITY]
        return values

    def _modifiers(self, item: Dataset) -> list[tuple[Code, Value]]:
        """Return what qualifies an item (HAS CONCEPT MOD), with the codes of the names."""
        return [
            (_name(child), value)
            for child in items(item, "ContentSequence")
            if text(child, "RelationshipType") == "HAS CONCEPT MOD" and _name(child) not in _SAID_ELSEWHERE
            if (value := self._evaluation(child))
        ]

    def _evaluation(self, item: Dataset) -> Value | None:
        """Return what an item other than a number says; None where it says nothing, or refers to something."""
        name_code, name = self._named(item)
        if text(item, "ValueType") == "CODE":
            code = self._code_of(item)
            return Value(name, _meaning(code), name_code=name_code, value_code=code) if code else None
        words = self._text_of(item)
        return Value(name, words, name_code=name_code) if words else None

    def _number(self, item: Dataset) -> Value | None:
        """Return a measurement; None where it has no value and nothing says why."""
        name_code, name = self._named(item)
        said = next(iter(items(item, "MeasuredValueSequence")), Dataset())
        number = text(said, "NumericValue")
        qualifier = first_code(item, "NumericValueQualifierCodeSequence", self.context)
        modifiers = self._modifiers(item)
        derivations = [value.text for code, value in modifiers if code == _DERIVATION]
        method = [f"{value.name}: {value.value_code or value.text}" for _, value in modifiers]
        if number and qualifier:
            method.append(f"Numeric Value Qualifier: {qualifier}")
        if not number and not qualifier:
            return None
        return Value(
            ", ".join([name, *derivations]),
            number or _meaning(qualifier),
            _float(text(said, "FloatingPointValue") or number),
            self._unit(said) if number else None,
            name_code=name_code,
            value_code=None if number else qualifier,
            method="; ".join(method) or None,
        )

    def _unit(self, said: Dataset) -> str | None:
        unit = next(iter(items(said, "MeasurementUnitsCodeSequence")), Dataset())
        if text(unit, "CodingSchemeDesignator") == "UCUM":
            return text(unit, "CodeValue") or None
        return code_text(unit, self.context)

    def _named(self, item: Dataset) -> tuple[str | None, str]:
        code = first_code(item, "ConceptNameCodeSequence", self.context)
        return code, _meaning(code) or "without a name"

    def _words(self, item: Dataset) -> str:
        """Return the value of an item that is written in words: TEXT, DATE, TIME, DATETIME, UIDREF."""
        return next((value for keyword in _IN_WORDS if (value := text(item, keyword))), "")

    def _text_of(self, item: Dataset | None) -> str | None:
        return self.context.text(self._words(item)) if item is not None else None

    def _code_of(self, item: Dataset | None) -> str | None:
        return first_code(item, "ConceptCodeSequence", self.context) if item is not None else None

    def _site(self, content: list[Dataset]) -> Dataset | None:
        """Return the finding site of a group, else that of its measurements, if it is one."""
        own = [item for item in content if _name(item) == _FINDING_SITE]
        if own:
            return own[0]
        of_numbers = [
            child for item in content for child in items(item, "ContentSequence") if _name(child) == _FINDING_SITE
        ]
        return of_numbers[0] if len({self._code_of(site) for site in of_numbers}) == 1 else None

    def _laterality(self, site: Dataset | None, of_group: Dataset | None) -> str | None:
        modifiers = items(site, "ContentSequence") if site is not None else []
        of_site = (self._code_of(modifier) for modifier in modifiers if _name(modifier) == _LATERALITY)
        return next(filter(None, of_site), None) or self._code_of(of_group)

    def _algorithm(self, group: Dataset) -> str | None:
        """Return the algorithms that a group or its measurements name (TID 4019), each with its version."""
        named: dict[str, None] = {}
        for item in (group, *_content(group)):
            said = {_name(child): self._words(child) for child in items(item, "ContentSequence")}
            if name := said.get(_ALGORITHM_NAME):
                named[" ".join(filter(None, (name, said.get(_ALGORITHM_VERSION))))] = None
        return self.context.text("; ".join(named))

    # What a group refers to.

    def _references(self, group: Dataset) -> Iterator[tuple[Dataset, Dataset]]:
        """Return what a group refers to, each item with its reference; items said by reference are followed."""
        for item in _descendants(group):
            if path := text(item, "ReferencedContentItemIdentifier"):
                item = self._item_at(path) or item
                inner = [item, *_descendants(item)]
            else:
                inner = [item]
            for found in inner:
                yield from ((found, reference) for reference in items(found, "ReferencedSOPSequence"))

    def _item_at(self, path: str) -> Dataset | None:
        """Return the content item at a path, as 1\\4\\2: the second child of the fourth child of the root."""
        item = self.dataset
        for step in path.split("\\")[1:]:
            children = items(item, "ContentSequence")
            if not step.isdecimal() or not 0 < int(step) <= len(children):
                return None
            item = children[int(step) - 1]
        return item

    def _images(self, group: Dataset) -> Iterator[str]:
        for item, reference in self._references(group):
            is_image = not text(reference, "ReferencedSOPClassUID").startswith(_NO_IMAGES)
            if is_image and text(item, "ValueType") == "IMAGE" and _name(item) not in _SEGMENTS:
                yield text(reference, "ReferencedSOPInstanceUID")

    def _segments(self, group: Dataset) -> list[Value]:
        """Return the segments that a group is about: SOPInstanceUID of the segmentation and SegmentNumber."""
        found = {
            f"{text(reference, 'ReferencedSOPInstanceUID')}\\{text(reference, 'ReferencedSegmentNumber')}".rstrip("\\")
            for item, reference in self._references(group)
            if _name(item) in _SEGMENTS or "ReferencedSegmentNumber" in reference
        }
        return [Value("ReferencedSegment", segment) for segment in sorted(found)]

    def _series(self, source: Dataset | None, images: frozenset[str]) -> tuple[str | None, str | None]:
        """Return the study and the series that a group lies on."""
        stated = text(source, "UID") if source is not None else ""
        if stated:
            return next((study for study, series in self.series_of_evidence if series == stated), None), stated
        found = Counter(self.evidence[image] for image in images if image in self.evidence)
        if not found:
            known = map(self.context.scanned.series_of, images)
            found = Counter((None, series) for series in known if series)
        if not found and len(self.series_of_evidence) == 1:
            found = Counter(self.series_of_evidence)
        if not found:
            return None, None
        study, series = min(found.items(), key=lambda item: (-item[1], item[0][1]))[0]
        geometry = self.context.scanned.geometry(series) if study is None else None
        return geometry.study_instance_uid if geometry else study, series


_IN_WORDS = ("TextValue", "Date", "Time", "DateTime", "UID")


def _is_group(item: Dataset, parent: Dataset) -> bool:
    """Tell whether a container is a measurement group, by its code, its template or where it stands."""
    name = _name(item)
    if name == _MEASUREMENT_GROUP or name in _OF_REPORT or _template(item) in _GROUP_TEMPLATES:
        return True
    says = {text(child, "ValueType") for child in items(item, "ContentSequence")}
    # Writers give groups other names, or leave them out where there is one lesion.
    is_leaf = "CONTAINER" not in says and bool(says & {"NUM", "SCOORD", "SCOORD3D"})
    return is_leaf and _IMAGING_MEASUREMENTS in (name, _name(parent))


def _name(item: Dataset) -> Code:
    """Return the code of an item's concept name, retired SNOMED-RT codes as SCT."""
    code = next(iter(items(item, "ConceptNameCodeSequence")), Dataset())
    value = text(code, "CodeValue") or text(code, "LongCodeValue")
    value, scheme, *_ = [*coded_concept(value, text(code, "CodingSchemeDesignator"), "").split("^"), "", ""]
    return value, scheme


def _meaning(code: str | None) -> str:
    """Return the meaning of a code, its value where it has none."""
    parts = (code or "").split("^")
    return parts[-1] or parts[0]


def _template(item: Dataset) -> str:
    return next((text(template, "TemplateIdentifier") for template in items(item, "ContentTemplateSequence")), "")


def _content(group: Dataset) -> Iterator[Dataset]:
    """Return the items of a group, those of containers in it included, but not of groups in it."""
    for item in items(group, "ContentSequence"):
        if text(item, "ValueType") != "CONTAINER":
            yield item
        elif not _is_group(item, group):
            yield from _content(item)


def _descendants(item: Dataset) -> Iterator[Dataset]:
    """Return what stands below an item, but not in measurement groups below it."""
    for child in items(item, "ContentSequence"):
        if text(child, "ValueType") != "CONTAINER" or not _is_group(child, item):
            yield child
            yield from _descendants(child)


def _evidence(dataset: Dataset) -> tuple[dict[str, tuple[str | None, str]], list[tuple[str | None, str]]]:
    """Return study and series by image, and all series of images, that a report names as its evidence."""
    of_image: dict[str, tuple[str | None, str]] = {}
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in items(dataset, keyword):
            for series in items(study, "ReferencedSeriesSequence"):
                pair = (text(study, "StudyInstanceUID") or None, text(series, "SeriesInstanceUID"))
                for image in items(series, "ReferencedSOPSequence"):
                    if pair[1] and not text(image, "ReferencedSOPClassUID").startswith(_NO_IMAGES):
                        of_image[text(image, "ReferencedSOPInstanceUID")] = pair
    return of_image, list(dict.fromkeys(of_image.values()))


def _generation(observers: _Observers, algorithm: str | None) -> Generation | None:
    if observers.persons:
        return None if observers.has_device or algorithm else "MANUAL"
    return "AUTOMATIC" if observers.has_device or algorithm else None


def _frame_of_reference(item: Dataset) -> str:
    return text(item, "ReferencedFrameOfReferenceUID") if text(item, "ValueType") == "SCOORD3D" else ""


def _date_time(value: str) -> datetime | None:
    """Return the local time of a DT (PS3.5 6.2)."""
    found = re.match(r"([0-9]{8})([0-9]{0,6}(?:\.[0-9]+)?)", value)
    return timestamp(*found.groups()) if found else None


def _float(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
