"""Where the extractor and dbt meet: the raw tables, the seeds and the fingerprint of the attribute list."""

import csv
import os
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import sql

from extract.attributes import SEED, read_attribute_list
from extract.connection import connect
from extract.identifiers import Identifiers
from extract.raw_database import ensure_schema
from extract.scan import scan

PROJECT = Path(__file__).parents[2]
SEEDS = sorted((PROJECT / "seeds").rglob("*.csv"))


def test_the_raw_tables_are_those_that_the_models_declare(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    ensure_schema(connection)
    created = connection.execute(
        "select table_name, column_name, format_type(atttypid, atttypmod) from information_schema.columns"
        " join pg_attribute on attrelid = format('%I.%I', table_schema, table_name)::regclass"
        " and attname = column_name where table_schema = 'icdm_raw' order by table_name, ordinal_position"
    ).fetchall()
    sources = yaml.safe_load((PROJECT / "models/staging/dicom/_dicom__sources.yml").read_text("utf-8"))["sources"]
    declared = [
        (table["name"], column["name"], column["data_type"])
        for source in sources
        for table in sorted(source["tables"], key=lambda table: str(table["name"]))
        for column in table["columns"]
    ]
    assert declared == created


@pytest.fixture(scope="module")
def built(
    database_environment: dict[str, str], profiles_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The seeds and the layouts model, built by dbt after a scan of an empty folder."""
    folder = tmp_path_factory.mktemp("dbt")
    (folder / "archive").mkdir()
    with connect("pytest") as connection:
        connection.execute("drop schema if exists icdm_raw cascade")
    scan([folder / "archive"], read_attribute_list(PROJECT / SEED), Identifiers(None), jobs=1)
    completed = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "build", "--no-use-colors", "--project-dir", str(PROJECT)),
            *("--profiles-dir", str(profiles_directory), "--target-path", str(folder), "--log-path", str(folder)),
            *("--select", "resource_type:seed", "stg_dicom__header_layouts"),
            *("--resource-type", "seed", "--resource-type", "model"),
        ],
        env={**os.environ, **database_environment},
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stdout
    return folder


def as_cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case date():
            return f"{value:%Y%m%d}"
        case Decimal():
            return f"{value:f}"
    return str(value)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_dbt_and_python_read_the_same_cells_of_a_seed(built: Path, seed: Path) -> None:
    """dbt guesses types: without column_types it would drop the zeros of a tag."""
    with seed.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        expected = sorted([row[column] for column in columns] for row in reader)
    cells = sql.SQL(", ").join(map(sql.Identifier, columns))
    table = sql.Identifier(f"icdm_{seed.parent.name}", seed.stem)
    with connect("pytest") as connection:
        rows = connection.execute(sql.SQL("select {} from {}").format(cells, table)).fetchall()
    assert not [row for row in rows if "" in row], "an empty cell is NULL"
    assert sorted([as_cell(value) for value in row] for row in rows) == expected


def test_dbt_finds_the_fingerprint_that_the_scan_wrote(built: Path) -> None:
    """Else every build would say that all files wait to be read again."""
    with connect("pytest") as connection:
        layouts = connection.execute(
            "select fingerprint, is_current from icdm_work.stg_dicom__header_layouts"
        ).fetchall()
    fingerprint = read_attribute_list(PROJECT / SEED).fingerprint
    assert layouts == [(fingerprint, True)] and re.fullmatch("[0-9a-f]{32}", fingerprint)
