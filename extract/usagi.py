"""Mapping with Usagi, OHDSI's tool: what is not mapped goes out as CSV, what was approved comes back as seed rows."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

EXPORTED = ("source_code", "source_name", "source_frequency", "attribute")
EQUIVALENCES = ("EQUAL", "EQUIVALENT", "WIDER", "NARROWER", "INEXACT")
NEEDED = ("sourceCode", "mappingStatus", "equivalence", "conceptId", "conceptName", "domainId")
FIRST_CUSTOM_ID = 2_000_000_000


class UsagiExportError(ValueError):
    """A file that is no export of Usagi; the message names it and what it lacks."""


def write_unmapped(connection: psycopg.Connection[tuple[Any, ...]], path: Path) -> int:
    """Write the values that nothing maps, most frequent first, and return their number.

    The file has what Usagi asks for when it imports codes: a code (attribute and normalised value), a name and a
    frequency (series). Raises psycopg.errors.UndefinedTable before the first build, OSError where it cannot write.
    """
    rows = connection.execute(
        """
        select
            attribute || ':' || normalised_value,
            min(source_value),
            sum(number_of_series),
            attribute
        from icdm_quality.mapping_coverage
        where mapped_by = 'none'
        group by attribute, normalised_value
        order by 3 desc, 1
        """
    ).fetchall()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(EXPORTED)
        writer.writerows(rows)
    return len(rows)


def read_approved(path: Path, columns: Iterable[str]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the approved mappings of a file that Usagi saved, as rows of the seed, and what was left out and why.

    Usagi's file says neither vocabulary nor code of a concept, so these cells are empty. `columns` are the seed's.
    Raises UsagiExportError where the file is none of Usagi's, OSError where it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in NEEDED if column not in (reader.fieldnames or ())]
            if missing:
                raise UsagiExportError(f"{path}: columns {', '.join(missing)} are missing; save the mapping in Usagi")
            mappings = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsagiExportError(f"{path}: {error}; save the mapping in Usagi") from error
    targets = Counter(mapping["sourceCode"] for mapping in mappings if mapping["mappingStatus"] == "APPROVED")
    rows, left_out = [], []
    for mapping in mappings:
        attribute, colon, value = mapping["sourceCode"].partition(":")
        reason = None
        if mapping["mappingStatus"] != "APPROVED":
            reason = f"{mapping['mappingStatus'] or 'no status'}, not APPROVED"
        elif not colon:
            reason = "the code is not attribute:value, as `icdm-extract unmapped` writes it"
        elif targets[mapping["sourceCode"]] > 1:
            reason = "it has several targets; a value of the seed has one"
        elif not mapping["conceptId"].isdigit() or mapping["conceptId"] == "0":
            reason = "it has no target"
        elif mapping["equivalence"] not in EQUIVALENCES:
            reason = f"equivalence is {mapping['equivalence'] or 'empty'}; choose one of {', '.join(EQUIVALENCES)}"
        if reason:
            left_out.append(f"{mapping['sourceCode']}: {reason}")
            continue
        row = dict.fromkeys(columns, "")
        row |= {
            "attribute": attribute,
            "source_value": value,
            "concept_id": mapping["conceptId"],
            "concept_name": mapping["conceptName"],
            "domain_id": mapping["domainId"],
            "equivalence": mapping["equivalence"],
            "status": "custom" if int(mapping["conceptId"]) >= FIRST_CUSTOM_ID else "reviewed",
            "mapped_by": "usagi",
            "source": f"Usagi mapping {path.name}",
            "note": mapping.get("comment") or "",
        }
        rows.append(row)
    return rows, left_out
