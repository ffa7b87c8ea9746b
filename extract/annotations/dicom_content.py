"""What the DICOM forms of annotation say alike: codes, the time of the content, the system that wrote it."""

from datetime import datetime

from pydicom import Dataset
from pydicom.multival import MultiValue

from extract.annotations.context import ReadContext
from extract.header import coded_concept, timestamp
from extract.masking import EQUIPMENT_WORDS, masked, masking

LATERALITIES = ("7771000^SCT^", "24028007^SCT^", "51440002^SCT^", "66459002^SCT^")  # left, right, both, one side


def text(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text without padding, several values separated by a backslash; '' where it has none."""
    value = dataset.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    # PostgreSQL refuses NUL and lone surrogates.
    clean = (str(v).replace("\0", "").encode("utf-8", "replace").decode().strip() for v in values)
    return "\\".join(clean)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none where it is absent or empty."""
    return list(dataset.get(keyword) or [])


def wording(value: str, context: ReadContext) -> str | None:
    """Return a wording of equipment or of a code, None where it is empty.

    Masked as those of the headers are: the words by which equipment names itself stay, whoever is called so.
    """
    rule = masking(context.identifying, context.identifiers.terms | EQUIPMENT_WORDS)
    if value and rule:
        value, count = masked(rule, value)
        context.values_masked += count
    return value or None


def code_text(item: Dataset, context: ReadContext) -> str | None:
    """Return an item's coded concept as `value^scheme^meaning` (PS3.3 8.8), retired SNOMED-RT codes as SCT."""
    value = text(item, "CodeValue") or text(item, "LongCodeValue") or text(item, "URNCodeValue")
    code = coded_concept(value, text(item, "CodingSchemeDesignator"), text(item, "CodeMeaning"))
    return wording(code, context)


def first_code(dataset: Dataset, keyword: str, context: ReadContext) -> str | None:
    """Return the code of a sequence's first item that has one."""
    return next((code for item in items(dataset, keyword) if (code := code_text(item, context))), None)


def content_datetime(dataset: Dataset, date: str = "ContentDate", time: str = "ContentTime") -> datetime | None:
    """Return when the content was made (0008,0023 and 0008,0033), local time as written; None without a date."""
    return timestamp(text(dataset, date), text(dataset, time))


def system(dataset: Dataset, context: ReadContext) -> str | None:
    """Return what wrote the file: Manufacturer and ManufacturerModelName, the maker once where the model names it."""
    maker, model = text(dataset, "Manufacturer"), text(dataset, "ManufacturerModelName")
    named = model if model.casefold().startswith(maker.casefold()) else " ".join(filter(None, (maker, model)))
    return wording(named, context)


def person_names(dataset: Dataset) -> list[str]:
    """Return every person name (PN) at any depth."""
    elements = (element for element in dataset.iterall() if element.VR == "PN" and element.value)
    return [str(name) for element in elements for name in (element.value if element.VM > 1 else [element.value])]
