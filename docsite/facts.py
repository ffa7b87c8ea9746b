"""What the pages say of tables, columns, relations and rules: read from dbt's manifest and the seeds."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLES = ("imaging_study", "imaging_series", "imaging_annotation", "filepath")
LINKAGE_FOLDER = "linkage"
DICOM_NAME = re.compile(r"\b([A-Z][A-Za-z]+) \(([0-9A-F]{4},[0-9A-F]{4})\)")
GRAIN = re.compile(r"\s*Grain: (.+?)\.?\s*$", re.DOTALL)

Node = dict[str, Any]


@dataclass(frozen=True)
class Relation:
    """A foreign key, as a relationships test states it: dbt keeps no other."""

    table: str
    column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Column:
    """A column of a model; `mandatory` is "contract" (not null in the database), "test" (in every build) or ""."""

    name: str
    data_type: str
    description: str
    mandatory: str
    is_key: bool
    checks: tuple[str, ...]
    relation: Relation | None

    @property
    def dicom(self) -> list[tuple[str, str]]:
        """Keyword and tag (gggg,eeee) of each attribute of the standard that the description names."""
        return list(dict.fromkeys(DICOM_NAME.findall(self.description)))


@dataclass(frozen=True)
class Table:
    """A table of the diagram: one of ours, or (schema "omop") a table of the site's CDM."""

    name: str
    unique_id: str
    layer: str
    description: str
    grain: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Rule:
    """A data-quality rule: a row of the seed dq_rule, and the view that lists what it checked."""

    rule_id: str
    view: str
    unique_id: str
    seed: dict[str, str]


class Facts:
    """The manifest of `dbt docs generate` and the seeds of the project beside it.

    Raises KeyError with the table's name where the manifest lacks one of the four tables.
    """

    def __init__(self, manifest: Path, project: Path) -> None:
        self.manifest: dict[str, Any] = json.loads(manifest.read_text())
        self.project = project
        self.nodes: dict[str, Node] = self.manifest["nodes"]
        self.sources: dict[str, Node] = self.manifest["sources"]
        self.models: dict[str, Node] = {n["name"]: n for n in self.nodes.values() if n["resource_type"] == "model"}
        self._tests: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            if node["resource_type"] == "test" and node.get("attached_node"):
                self._tests.setdefault(node["attached_node"], []).append(node)

    def seed(self, name: str) -> list[dict[str, str]]:
        """The rows of a seed, as its file has them."""
        path = next(
            n["original_file_path"] for n in self.nodes.values() if n["resource_type"] == "seed" and n["name"] == name
        )
        with (self.project / path).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def attributes(self, table: str) -> tuple[str, list[dict[str, str]]]:
        """The seed of what a row of an entity-attribute-value table can say, and its rows with unit and concept_id."""
        name = {"imaging_series": "dicom_attribute", "imaging_annotation": "annotation_attribute"}.get(table, "")
        if f"seed.{self.manifest['metadata']['project_name']}.{name}" not in self.nodes:
            return "", []
        common = ("name", "description", "kind", "source", "profile")
        return name, [
            {key: row[key] for key in common}
            | {"tag": f"{row['tag'][:4]},{row['tag'][4:]}" if row.get("tag") else ""}
            | {"unit": row.get("unit_source_value") or row.get("unit", "")}
            | {"concept_id": row.get("attribute_concept_id") or row.get("concept_id", "")}
            for row in self.seed(name)
        ]

    def examples(self, table: str) -> dict[str, str]:
        """An invented value of each column of a table, from docs/column_examples.csv."""
        with (self.project / "docs" / "column_examples.csv").open(newline="", encoding="utf-8") as file:
            return {row["column_name"]: row["example"] for row in csv.DictReader(file) if row["cdm_table"] == table}

    def tables(self) -> list[Table]:
        """The four tables, in the order of the paper."""
        return [self._table(self.models[name]) for name in TABLES]

    def diagram_tables(self) -> list[Table]:
        """The four tables, the linkage tables, and whatever their relations point to."""
        linkage = [m["name"] for m in self.models.values() if m["fqn"][1] == LINKAGE_FOLDER]
        ours = [self._table(self.models[name]) for name in (*TABLES, *sorted(linkage))]
        known = {table.name for table in ours}
        targets = {
            column.relation.to_table
            for table in ours
            for column in table.columns
            if column.relation and column.relation.to_table not in known
        }
        return ours + [self._target(name) for name in sorted(targets)]

    def rules(self) -> list[Rule]:
        """All data-quality rules, by id."""
        views = {m["config"]["meta"]["rule_id"]: m for m in self.models.values() if "rule_id" in m["config"]["meta"]}
        return [
            Rule(row["rule_id"], views[row["rule_id"]]["name"], views[row["rule_id"]]["unique_id"], row)
            for row in self.seed("dq_rule")
        ]

    def _table(self, node: Node) -> Table:
        grain = GRAIN.search(node["description"])
        return Table(
            node["name"],
            node["unique_id"],
            node["fqn"][1],
            GRAIN.sub("", node["description"]).strip(),
            grain.group(1) if grain else "",
            tuple(self._column(node, column) for column in node["columns"].values()),
        )

    def _column(self, node: Node, column: Node) -> Column:
        kinds = {constraint["type"] for constraint in column["constraints"]}
        tests = [t for t in self._tests.get(node["unique_id"], []) if t["column_name"] == column["name"]]
        tested = any(t["test_metadata"]["name"] == "not_null" for t in tests)
        relation = next((t for t in tests if t["test_metadata"]["name"] == "relationships"), None)
        return Column(
            column["name"],
            (column["data_type"] or "").removeprefix("pg_catalog."),
            " ".join(column["description"].split()),
            "contract" if kinds & {"not_null", "primary_key"} else "test" if tested else "",
            "primary_key" in kinds,
            tuple(c["expression"] for c in column["constraints"] if c["type"] == "check"),
            self._relation(node, relation) if relation else None,
        )

    def _relation(self, node: Node, test: Node) -> Relation:
        target = next(i for i in test["depends_on"]["nodes"] if i != node["unique_id"])
        return Relation(
            node["name"], test["column_name"], self._shown_name(target), test["test_metadata"]["kwargs"]["field"]
        )

    def _shown_name(self, unique_id: str) -> str:
        """A model of staging/omop is a copy of what is needed of a CDM table: the diagram shows the table itself."""
        node = self.nodes[unique_id]
        if node["fqn"][1:3] == ["staging", "omop"]:
            return str(self.sources[node["depends_on"]["nodes"][0]]["name"])
        return str(node["name"])

    def _target(self, name: str) -> Table:
        source = next((s for s in self.sources.values() if s["name"] == name), None)
        if source:
            return Table(name, source["unique_id"], source["source_name"], source["description"], "", ())
        node = next(n for n in self.nodes.values() if n["name"] == name)
        return Table(name, node["unique_id"], node["resource_type"], node["description"], "", ())
