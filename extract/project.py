"""Where the dbt project is that a command works for."""

import os
from pathlib import Path

import yaml

MARKER = "dbt_project.yml"


class ProjectNotFoundError(FileNotFoundError):
    """No folder with a dbt_project.yml was found."""


def project_directory() -> Path:
    """Return the folder that holds dbt_project.yml, as an absolute path without links.

    In this order: the environment's DBT_PROJECT_DIR; the working directory or its nearest ancestor; the checkout that
    this package is installed from.

    Raises:
        ProjectNotFoundError: DBT_PROJECT_DIR names a folder without dbt_project.yml, or none of the places has one.
    """
    if setting := os.environ.get("DBT_PROJECT_DIR"):
        folder = Path(setting).resolve()
        if not (folder / MARKER).is_file():
            raise ProjectNotFoundError(f"DBT_PROJECT_DIR={setting} holds no {MARKER}: set it to the project's folder.")
        return folder
    here = Path.cwd().resolve()
    checkout = Path(__file__).resolve().parent.parent
    for folder in (here, *here.parents, checkout):
        if (folder / MARKER).is_file():
            return folder
    raise ProjectNotFoundError(
        f"No {MARKER} in {here} or above it: change to the project's folder, or set DBT_PROJECT_DIR to it."
    )


def omop_schema(project: Path) -> str:
    """Return the schema of the OMOP CDM: the variable omop_schema in dbt_project.yml, demo_cdm where it is not set."""
    settings = yaml.safe_load((project / MARKER).read_text(encoding="utf-8")) or {}
    return str((settings.get("vars") or {}).get("omop_schema") or "demo_cdm")
