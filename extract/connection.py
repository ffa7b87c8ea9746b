"""The connection to PostgreSQL: a site's own server by PGHOST, else the one that lives with the project."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from extract.project import project_directory

# A rollback that could not be sent is no news beside the error that called for it, which the command reports.
logging.getLogger("psycopg").setLevel(logging.ERROR)

DEFAULT_NAME = "icdm"
# Where root keeps the server of a project that the server's user cannot reach (a clone below /root).
FALLBACK_HOMES = Path("/var/lib/icdm-on-dbt")


class NoServerError(ConnectionError):
    """No PostgreSQL can be used with the settings there are; the message says which and what to do."""


def path_hash(path: Path) -> str:
    """Return 8 hexadecimal digits that stand for a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def fallback_home(project: Path) -> Path:
    """Return the home of a project's server outside the project."""
    return FALLBACK_HOMES / f"{project.name}-{path_hash(project)}"


def server_home(project: Path) -> Path:
    """Return the folder that holds the embedded server's data, socket and log, whether or not it exists yet.

    A home outside the project is found by its existence: only `up` as root makes one.
    """
    fallback = fallback_home(project)
    return fallback if fallback.exists() else project / ".postgres"


def server_address(home: Path) -> tuple[str, int]:
    """Return socket folder and port of the server of a home, from the file that the running server keeps.

    Raises:
        NoServerError: the server is not running, or belongs to another OS user.
    """
    try:
        lines = (home / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return lines[4], int(lines[3])
    except PermissionError as error:
        raise NoServerError(
            f"The embedded PostgreSQL in {home} belongs to another OS user: work as that user, or set PGHOST."
        ) from error
    except (FileNotFoundError, IndexError, ValueError) as error:
        raise NoServerError(
            f"The embedded PostgreSQL in {home} is not running: run `make up`, or set PGHOST to use another server."
        ) from error


def connection_parameters() -> dict[str, str | int]:
    """Return host, port, user and dbname to connect with; never a password, which libpq finds by itself.

    Raises:
        NoServerError: PGHOST is unset and the embedded server is not running.
        ProjectNotFoundError: PGHOST is unset and there is no project to have an embedded server.
    """
    dbname = os.environ.get("PGDATABASE") or DEFAULT_NAME
    if host := os.environ.get("PGHOST"):
        port = os.environ.get("PGPORT") or 5432
        return {"host": host, "port": port, "user": os.environ.get("PGUSER") or DEFAULT_NAME, "dbname": dbname}
    socket_folder, socket_port = server_address(server_home(project_directory()))
    return {"host": socket_folder, "port": socket_port, "user": DEFAULT_NAME, "dbname": dbname}


def connect(application_name: str, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to the server that the environment names, else to the embedded one.

    Raises:
        NoServerError: there is no such server, or it refuses the connection; the message has the server's reason.
        ProjectNotFoundError: PGHOST is unset and there is no project to have an embedded server.
    """
    parameters = connection_parameters()
    try:
        # In a database without an encoding (SQL_ASCII) psycopg would give bytes for text.
        options = make_conninfo("", application_name=application_name, client_encoding="UTF8", **parameters)
        return psycopg.connect(options, autocommit=autocommit)
    except psycopg.OperationalError as error:
        if f'database "{parameters["dbname"]}" does not exist' in str(error):
            advice = "Create the database, or set PGDATABASE to one that is there."
        elif os.environ.get("PGHOST"):
            advice = "Check PGHOST, PGPORT, PGUSER, PGPASSWORD (or ~/.pgpass) and PGDATABASE."
        else:
            advice = "Run `make up`, or set PGHOST to use another server."
        target = "{user}@{host}:{port}/{dbname}".format(**parameters)
        raise NoServerError(f"Cannot connect to PostgreSQL at {target}: {error}\n{advice}") from error
