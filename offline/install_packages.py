"""Install dbt's packages from the package hub or, where it does not answer, the edition kept beside this file."""

import shutil
from pathlib import Path

import requests
import yaml
from dbt.cli.main import dbtRunner
from dbt.clients import registry

PROJECT = Path(__file__).resolve().parents[1]
OFFLINE_EDITION = PROJECT / "offline" / "dbt_expectations"
INSTALLED = PROJECT / "dbt_packages" / "dbt_expectations"
LOCK_FILE = PROJECT / "package-lock.yml"
TIMEOUT_SECONDS = 5


def hub_answers() -> bool:
    """Ask once for what `dbt deps` will ask for, which itself tries five times before it gives up."""
    package = yaml.safe_load((PROJECT / "packages.yml").read_text())["packages"][0]["package"]
    url = f"{registry.DEFAULT_REGISTRY_BASE_URL}api/v1/{package}.json"
    try:
        response = requests.get(url, timeout=TIMEOUT_SECONDS)
        # A proxy that refuses politely answers with a page of its own.
        return response.ok and "versions" in response.json()
    except requests.RequestException:
        return False


def run_dbt_deps() -> bool:
    """Run `dbt deps` without a lock file, since with one it empties its folder before it downloads."""
    LOCK_FILE.unlink(missing_ok=True)
    try:
        return dbtRunner().invoke(["deps", "--project-dir", str(PROJECT)]).success
    finally:
        LOCK_FILE.unlink(missing_ok=True)


def installed_version() -> str | None:
    """Tell the version that is installed, or None."""
    project_file = INSTALLED / "dbt_project.yml"
    return str(yaml.safe_load(project_file.read_text())["version"]) if project_file.is_file() else None


def install_offline_edition() -> str:
    """Copy the offline edition, unless the published package is there; say what is installed now."""
    version = installed_version()
    if version and not version.endswith("-offline"):
        return f"the published dbt_expectations {version}, installed before, stays"
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(OFFLINE_EDITION, INSTALLED)
    return f"installed the offline edition of dbt_expectations ({installed_version()})"


def main() -> None:
    """Install, and say in one line where the packages come from."""
    if not hub_answers():
        print(f"The dbt package hub does not answer: {install_offline_edition()}.")
    elif not run_dbt_deps():
        print(f"`dbt deps` failed, see above: {install_offline_edition()}.")
    else:
        print(f"Installed dbt_expectations {installed_version()} from the dbt package hub.")


if __name__ == "__main__":
    main()
