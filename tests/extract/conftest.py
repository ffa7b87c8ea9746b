"""A real PostgreSQL for the tests: the server of the PG* variables, else the embedded one, with its own database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from extract.connection import connect

PROJECT = Path(__file__).parents[2]


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
