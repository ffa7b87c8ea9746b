"""The readers of annotations by form."""

from collections.abc import Callable
from pathlib import Path

from extract.annotations import label_map, segmentation, structure_set, structured_report, table
from extract.annotations.annotation import AnnotationFile
from extract.annotations.context import ReadContext
from extract.annotations.form_names import REPORT, SEGMENTATION, STRUCTURE_SET
from extract.annotations.mapping import LabelMapEntry, TableEntry
from extract.header import identifying_texts

DICOM: dict[str, Callable[[Path, ReadContext], AnnotationFile]] = {
    SEGMENTATION: segmentation.read,
    STRUCTURE_SET: structure_set.read,
    REPORT: structured_report.read,
}


def read(path: Path, form: str, entry: LabelMapEntry | TableEntry | None, context: ReadContext) -> AnnotationFile:
    """Read a file of a form. Raises NotAnAnnotationError, AnnotationError, OSError, and what broken bytes raise."""
    if isinstance(entry, LabelMapEntry):
        return label_map.read(path, context, entry)
    if isinstance(entry, TableEntry):
        return table.read(path, context, entry)
    with path.open("rb") as file:
        context.identifying = identifying_texts(file)
    return DICOM[form](path, context)
