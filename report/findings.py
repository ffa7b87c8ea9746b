"""What to look at next: what the data say needs a person, the most important first."""

from dataclasses import dataclass
from typing import Any

from report.cells import cell_key
from report.relations import Built, Row
from report.suppression import Counts, Key

MOST_RULES = 8
# Rules that say of a link what its own finding would say again.
RULES_OF_LINKS = {"person": "DQ-16", "procedure": "DQ-19"}


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        mark: broken (the build or another program), failed (the archive or the CDM), open (undecided) or note.
        title: what was found.
        of: the count, and what it is a part of, where there is one.
        place: the command or query that shows it.
        remedy: what can be done.
    """

    mark: str
    title: str
    place: str
    remedy: str = ""
    part: Key | None = None
    whole: Key | None = None
    things: str = ""


def share_failed(row: Row) -> float:
    """Return the share of the checked records that break a rule, 0 to 1."""
    return row["failed"] / row["checked"] if row["checked"] else 0.0


def findings(built: Built, counts: Counts, schema: str) -> list[Finding]:
    """Return what to look at, the most important first: broken promises, failed rules, lacking links, gaps."""
    return [
        *_rules(built, "invariant", "broken"),
        *_rules(built, "evidence", "failed"),
        *_links(built, schema),
        *_left_out(built, counts, schema),
        *_notes(built, counts, schema),
    ]


def _rules(built: Built, nature: str, mark: str) -> list[Finding]:
    failing = [row for row in built["dq_thresholds_compared"] if row["status"] == "FAIL" and row["nature"] == nature]
    found = []
    for row in sorted(failing, key=lambda row: (-share_failed(row), row["rule_id"]))[:MOST_RULES]:
        rule = row["rule_id"]
        found.append(
            Finding(
                mark=mark,
                title=f"{rule} should hold: {row['description']}",
                part=cell_key("dq_thresholds_compared", "failed", rule),
                whole=cell_key("dq_thresholds_compared", "checked", rule),
                things="records break it",
                place=f"select * from {built.rule_views.get(rule, rule)} where is_violation",
                remedy=built.remedies.get(rule, ""),
            )
        )
    if len(failing) > MOST_RULES:
        further = len(failing) - MOST_RULES
        found.append(Finding(mark, f"{further} further rule{'s fail' if further > 1 else ' fails'}", "make dq"))
    return found


def _links(built: Built, schema: str) -> list[Finding]:
    advice = {
        "person": "Load the site's crosswalk: icdm-extract crosswalk person FILE.csv",
        "procedure": "Load the orders that the site knows: icdm-extract crosswalk procedure FILE.csv",
        "report": "Load the reports that the site knows: icdm-extract crosswalk note FILE.csv",
    }
    failing = {row["rule_id"] for row in built["dq_thresholds_compared"] if row["status"] == "FAIL"}
    found = []
    for link, remedy in advice.items():
        if RULES_OF_LINKS.get(link) in failing:
            continue
        reasons = [row for row in built["linkage"] if row["link"] == link and row["outcome"] == "not linked"]
        if reasons:
            most = max(reasons, key=lambda row: row["studies"])
            found.append(
                Finding(
                    mark="open",
                    title=f"Studies without a {link}, most often because: {most['how']}",
                    part=cell_key("linkage", "studies", link, "not linked"),
                    whole=("archive_summary", "studies"),
                    things="studies",
                    place=f"select * from {schema}_quality.unmatched where link = '{link}'",
                    remedy=remedy,
                )
            )
    return found


def _left_out(built: Built, counts: Counts, schema: str) -> list[Finding]:
    found = []
    unmapped = [row for row in built["mapping_coverage"] if row["unmapped_values"]]
    if unmapped:
        first = unmapped[0]["attribute"]
        more = f" and of {len(unmapped) - 1} more attributes" if len(unmapped) > 1 else ""
        found.append(
            Finding(
                mark="open",
                title=f"Values of {first}{more} have no concept",
                part=cell_key("mapping_coverage", "unmapped_series", first),
                things=f"series with such a value of {first}",
                place="icdm-extract unmapped unmapped.csv",
                remedy="Map them in Usagi and bring them back: icdm-extract usagi FILE.csv",
            )
        )
    for row in built["rejected_files"]:
        if row["outcome"] == "rejected":
            found.append(
                Finding(
                    mark="open",
                    title=f"Files that could not be taken: {row['reason']}",
                    part=cell_key("rejected_files", "files", row["outcome"], row["reason"]),
                    things="files",
                    place=f"select * from {schema}_quality.rejected_files where outcome = 'rejected'",
                )
            )
    if built["conflicts"]:
        first = built["conflicts"][0]["attribute"]
        found.append(
            Finding(
                mark="open",
                title=f"Images of one series disagree, most often on {first}",
                part=cell_key("conflicts", "series", first),
                things="series",
                place=f"select * from {schema}_quality.conflicts",
                remedy="The most frequent value is published; the table has the others.",
            )
        )
    return found


def _notes(built: Built, counts: Counts, schema: str) -> list[Finding]:
    found = []
    tables = sorted({row["table_name"] for row in built["unavailable_sources"] if row["column_name"] is None})
    if tables:
        found.append(
            Finding(
                mark="note",
                title=f"Sources that are not there and count as empty: {', '.join(tables)}",
                place=f"select * from {schema}_quality.unavailable_sources",
                remedy="Set vocabulary_schema and cohort_schema in dbt_project.yml where the site has them.",
            )
        )
    rows: dict[str, Any] = {row["cdm_table"]: row["number_of_rows"] for row in built["table_rows"]}
    if not rows.get("imaging_annotation"):
        found.append(
            Finding(
                mark="note",
                title="No annotation was read: IMAGING_ANNOTATION is empty",
                place=f"select * from {schema}.imaging_annotation",
            )
        )
    return found
