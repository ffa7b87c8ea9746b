"""The command `python -m report`: exit code 0 done, 1 there is nothing to report on, 2 wrong use or settings."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg

from extract.connection import NoServerError, connect
from extract.project import ProjectNotFoundError
from report.relations import NotBuiltError, read

DEFAULT_FILE = Path("target/report.html")
VARIABLE = "ICDM_MIN_CELL_COUNT"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and print where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m report", description="Write what the last build holds as one page of HTML."
    )
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT_FILE, metavar="FILE.html", help=f"as a rule {DEFAULT_FILE}"
    )
    parser.add_argument(
        "--min-cell-count",
        type=_count,
        metavar="N",
        help=f"hide counts from 1 to N - 1, 0 hides none; else {VARIABLE}, else dbt's variable min_cell_count",
    )
    parser.add_argument("--schema", default="icdm", help="dbt's target schema (icdm)")
    options = parser.parse_args(arguments)
    try:
        from report.page import render
    except ModuleNotFoundError as error:
        return _fail(2, f"{error.name} is not installed: pip install 'icdm-on-dbt[report]' brings it.")
    try:
        with connect("icdm-report") as connection:
            built = read(connection, options.schema)
        minimum = options.min_cell_count
        if minimum is None:
            minimum = _minimum({row["setting"]: row["value"] for row in built["build_setting"]})
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(render(built, options.schema, minimum), encoding="utf-8")
    except NotBuiltError as error:
        return _fail(1, str(error))
    except (NoServerError, ProjectNotFoundError, ValueError) as error:
        return _fail(2, str(error))
    except psycopg.Error as error:
        return _fail(1, f"database: {error.diag.message_primary or error}")
    except OSError as error:
        return _fail(1, f"{error.filename}: {error.strerror}")
    print(options.file.resolve())
    return 0


def _minimum(settings: dict[str, str | None]) -> int:
    """Return the smallest count to show, by the environment or the last build.

    Raises:
        ValueError: the setting is no whole number from 0.
    """
    for name, value in ((VARIABLE, os.environ.get(VARIABLE)), ("min_cell_count", settings.get("min_cell_count"))):
        if value:
            try:
                return _count(value)
            except ValueError as error:
                raise ValueError(f"{name} is {value!r}: set it to a whole number, 0 to hide nothing.") from error
    raise ValueError("min_cell_count is not set: set it in dbt_project.yml to a whole number, 0 to hide nothing.")


def _count(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError(value)
    return number


def _fail(code: int, message: str) -> int:
    print(f"report: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
