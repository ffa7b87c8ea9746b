"""What the forms of annotation files are called, in the raw rows and in what is printed."""

SEGMENTATION, STRUCTURE_SET, REPORT = "segmentation", "structure set", "structured report"
LABEL_MAP, TABLE = "label map", "table"
