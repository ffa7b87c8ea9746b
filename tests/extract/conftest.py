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
from psycopg import sql

from extract.cli import main
from extract.connection import connect, connection_parameters

PROJECT = Path(__file__).parents[2]


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


@pytest.fixture
def connection(database_environment: dict[str, str]) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to the tests' database, which holds no raw rows yet."""
    with connect("pytest") as connection:
        connection.execute("drop schema if exists icdm_raw cascade")
        connection.commit()
        yield connection
        connection.rollback()
