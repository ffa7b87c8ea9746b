"""The verdicts of the installed dbt_expectations, published or offline, case by case."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
CASES = PROJECT / "tests" / "dbt_expectations"
OFFLINE_EDITION = PROJECT / "offline" / "dbt_expectations"
INSTALLED = PROJECT / "dbt_packages" / "dbt_expectations"
TESTS_USED = {
    "expect_column_pair_values_A_to_be_greater_than_B",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_match_regex",
    "expect_table_row_count_to_equal_other_table",
}


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def edition() -> str:
    """The installed edition; the offline one has to be the one of this checkout."""
    project_file = INSTALLED / "dbt_project.yml"
    assert project_file.is_file(), "no packages: run `make deps`"
    version = str(yaml.safe_load(project_file.read_text())["version"])
    if version.endswith("-offline"):
        assert files_of(INSTALLED) == files_of(OFFLINE_EDITION), "an older offline edition: run `make deps`"
    return version


def run_cases(
    database_environment: dict[str, str], profiles_directory: Path, folder: Path
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Run every case; return dbt's results and, by their unique_id, what each case declares."""
    completed = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "test", "--no-use-colors"),
            *("--project-dir", str(CASES), "--profiles-dir", str(profiles_directory)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            *("--warn-error-options", "{error: all, warn: [LogTestResult]}"),
        ],
        env={**os.environ, **database_environment, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
    )
    results_file = folder / "target" / "run_results.json"
    # dbt exits with 1 as soon as one case returns rows, which many of them should.
    assert completed.returncode in (0, 1) and results_file.is_file(), completed.stdout + completed.stderr
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    return json.loads(results_file.read_text())["results"], manifest["nodes"]


def test_verdicts(database_environment: dict[str, str], profiles_directory: Path, edition: str, tmp_path: Path) -> None:
    print(f"dbt_expectations {edition}")
    results, nodes = run_cases(database_environment, profiles_directory, tmp_path)
    differing: dict[str, str] = {}
    expected_by_test: defaultdict[str, set[bool]] = defaultdict(set)
    for result in results:
        case = nodes[result["unique_id"]]
        expected = case["config"]["meta"]["expected_failures"]
        expected_by_test[case["test_metadata"]["name"]].add(expected == 0)
        if result["failures"] != expected:
            differing[case["name"]] = f"{result['failures']} instead of {expected} ({result['message']})"
    assert not differing, f"dbt_expectations {edition}: {differing}"
    assert expected_by_test == {name: {True, False} for name in TESTS_USED}, "a test lacks a passing or failing case"
