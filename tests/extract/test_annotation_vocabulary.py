"""The seeds of annotations: every code means in DICOM what the row says, and files and Python fold words alike."""

import csv
from pathlib import Path
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

SEEDS = Path(__file__).parents[2] / "seeds" / "vocabulary"
FOLDED_AWAY = dict.fromkeys(map(ord, " _-/\\,.;:+&()[]\t\n\r"))
# SNOMED CT codes that DICOM does not use; the public sources of their rows have them.
NOT_IN_DICOM = {
    "1217294009": "Ground glass opacity",
    "786838002": "Nodule of lung",
    "427359005": "Solitary nodule of lung",
    "445249002": "Multiple nodules of lung",
    "309529002": "Lung mass",
    "301232003": "Lesion of lung",
    "301766008": "Lesion of brain",
    "42400003": "Upper lobe of right lung",
    "3341006": "Right lung structure",
    "44029006": "Left lung structure",
}


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def folded(text: str) -> str:
    return text.translate(FOLDED_AWAY).upper()


def meanings_of_dicom() -> dict[str, set[str]]:
    """Meanings by code as the seeds write it, older SNOMED codes under the meaning of the newer ones."""
    found: dict[str, set[str]] = {}
    every: dict[str, dict[str, Any]] = concepts
    for scheme, names in every.items():
        for codes in names.values():
            for code, (meaning, _) in codes.items():
                found.setdefault(f"{folded(code)}^{scheme.upper()}", set()).add(meaning)
    for older, newer in mapping["SRT"].items():
        if f"{newer}^SCT" in found:
            found[f"{folded(older)}^SRT"] = found[f"{newer}^SCT"]
    return found


MEANINGS = meanings_of_dicom()
CODED_LABELS = [row for row in seed("annotation_label") if "^" in row["source_value"]]


@pytest.mark.parametrize("row", [row for row in seed("annotation_attribute_name") if "^" in row["source_value"]])
def test_the_code_of_an_attribute_means_what_the_row_says(row: dict[str, str]) -> None:
    assert row["meaning"] in MEANINGS[row["source_value"]]


def test_the_codes_of_labels_are_codes_of_dicom() -> None:
    assert len(CODED_LABELS) > 50
    for row in CODED_LABELS:
        code, _, scheme = row["source_value"].partition("^")
        if scheme == "SCT" and code in NOT_IN_DICOM:
            assert NOT_IN_DICOM[code] == row["concept_name"] or row["note"], row
            continue
        assert row["source_value"] in MEANINGS, row
        told = row["source"].partition("; ")[0]
        if scheme != "SRT" and row["kind"] != "laterality":
            assert any(told.endswith(meaning) for meaning in MEANINGS[row["source_value"]]), row


def test_words_are_folded_as_the_models_fold_them() -> None:
    for name in ("annotation_attribute_name", "annotation_label"):
        for row in seed(name):
            if "^" not in row["source_value"]:
                assert row["source_value"] == folded(row["source_value"]), row
    for row in seed("annotation_attribute_name"):
        if "^" not in row["source_value"]:
            assert row["source_value"] == folded(row["meaning"]), row
