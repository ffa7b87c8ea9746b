"""A real PostgreSQL for the tests: the server of the PG* variables, else the embedded one, with its own database."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from made_archives import write_small_archive
from psycopg import sql

from extract.cli import main
from extract.connection import connect, connection_parameters
from extract.synthetic import CDM_FOLDER, DICOM_FOLDER, omop_cdm, write_demo_data

PROJECT = Path(__file__).parents[2]
BUILT_PATIENTS = 6


@dataclass(frozen=True)
class Site:
    """A copy of the project that a test may change, an archive, and the tests' database."""

    project: Path
    archive: Path
    logs: Path

    def scan(self, *options: str) -> None:
        assert main(["scan", str(self.archive), "--identifiers", "clear", *options]) == 0

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = f"--project-dir {self.project} --profiles-dir {PROJECT}".split()
        outputs = f"--target-path {self.logs}/target --log-path {self.logs}/logs".split()
        return subprocess.run(["dbt", *arguments, *places, *outputs], cwd=self.project, capture_output=True, text=True)

    def build(self, *options: str) -> None:
        result = self.dbt("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", *options)
        assert result.returncode == 0, result.stdout


def query(statement: str) -> list[tuple[Any, ...]]:
    with connect("pytest") as connection:
        return connection.execute(statement.encode()).fetchall()


@contextmanager
def site_at(folder: Path) -> Iterator[Site]:
    """A site below a folder, whose archive is `folder/archive`, with no raw rows yet."""
    project = folder / "project"
    project.mkdir()
    for name in ("models", "tests", "dbt_packages", "packages.yml", "dbt_project.yml", ".dbtignore"):
        (project / name).symlink_to(PROJECT / name)
    for name in ("seeds", "macros"):
        shutil.copytree(PROJECT / name, project / name)
    server = {name: str(value) for name, value in connection_parameters().items()}
    environment = {"PGHOST": server["host"], "PGPORT": server["port"], "DBT_PROJECT_DIR": str(project)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with connect("pytest") as connection:
            connection.execute("drop schema if exists icdm_raw cascade")
        yield Site(project, folder / "archive", folder)


@pytest.fixture(scope="session")
def profiles_directory() -> Path:
    """The folder of profiles.yml, with the server it names running."""
    subprocess.run(
        [sys.executable, "-m", "extract.embedded_postgres", "up"], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL
    )
    return PROJECT


@pytest.fixture(scope="session")
def database_environment(profiles_directory: Path) -> Iterator[dict[str, str]]:
    """The environment that leads the commands to an empty database, which is dropped afterwards."""
    name = f"icdm_pytest_{os.getpid()}"
    before = os.environ.get("PGDATABASE")
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    os.environ["PGDATABASE"] = name
    yield {key: value for key, value in os.environ.items() if key.startswith("PG")}
    if before is None:
        del os.environ["PGDATABASE"]
    else:
        os.environ["PGDATABASE"] = before
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def own_database(purpose: str) -> Iterator[str]:
    """An empty database for what is not to meet other tests' tables: its name, for PGDATABASE."""
    name = f"icdm_{purpose}_{os.getpid()}"
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield name
    with connect("pytest", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def built_site(profiles_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A few patients of the synthetic cohort with their CDM, linked, and a small archive beside them, all built.

    It has a database of its own, which `for_people` leads a test to. Tests leave it as it is.
    """
    folder = tmp_path_factory.mktemp("built")
    write_demo_data(folder / "cohort", patients=BUILT_PATIENTS)
    shutil.copytree(folder / "cohort" / DICOM_FOLDER, folder / "archive" / "cohort")
    write_small_archive(folder / "archive" / "small")
    with own_database("built") as name:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGDATABASE", name)
            with connect("pytest") as connection:
                omop_cdm.load(connection, folder / "cohort" / CDM_FOLDER)
            with site_at(folder) as site:
                site.scan()
                for kind, source in (
                    ("person", []),
                    ("procedure", ["procedure_occurrence.procedure_source_value"]),
                    ("note", ["note.note_source_value"]),
                ):
                    assert main(["crosswalk", kind, "--from-omop", *source, "--identifiers", "clear"]) == 0
                # The rules are tested elsewhere, and are a third of all models.
                site.build("--exclude", "path:models/quality/rules+")
        yield site


@pytest.fixture
def for_people(built_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site of which everything is built, with the commands led to its database."""
    server = {name: str(value) for name, value in connection_parameters().items()}
    for name, value in {"PGHOST": server["host"], "PGPORT": server["port"]}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGDATABASE", f"icdm_built_{os.getpid()}")
    return built_site


@pytest.fixture
def connection(database_environment: dict[str, str]) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to the tests' database, which holds no raw rows yet."""
    with connect("pytest") as connection:
        connection.execute("drop schema if exists icdm_raw cascade")
        connection.commit()
        yield connection
        connection.rollback()
