"""Writes the list of what the cohort's PACS has, as a site exports it for `icdm-extract crosswalk expected`."""

from __future__ import annotations

import csv
from pathlib import Path

from extract.crosswalk_expected import OPTIONAL, REQUIRED
from extract.synthetic.entities import Patient


def write_csv(cohort: tuple[Patient, ...], path: Path) -> None:
    """Write a row per study and a row per series; a study whose images are missing has the number it once had."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, (*REQUIRED, *OPTIONAL), restval="", lineterminator="\n")
        writer.writeheader()
        for study in (study for patient in cohort for study in patient.studies):
            row = {"study_instance_uid": study.study_instance_uid}
            writer.writerow(row | {"number_of_instances": str(study.instances_expected)})
            for series in study.series:
                series_row = row | {"series_instance_uid": series.series_instance_uid}
                writer.writerow(series_row | {"number_of_instances": str(series.protocol.instances)})
