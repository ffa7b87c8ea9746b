"""A copy of the dbt project that a benchmark may change, and runs of dbt in it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COPIED = (".dbtignore", "dbt_project.yml", "packages.yml", "models", "macros", "seeds", "tests", "dbt_packages")


@dataclass(frozen=True)
class DbtRun:
    """Seconds of a run, in all and by model; the start of dbt itself is not in them."""

    total: float
    models: dict[str, float]


@dataclass(frozen=True)
class DbtCopy:
    """The copied project; `folder` is its own, `profiles` the folder of the checkout's profiles.yml."""

    folder: Path
    profiles: Path

    def run(self, *arguments: str) -> DbtRun:
        """Run dbt in the copy. Raises SystemExit with dbt's output where it fails."""
        target = self.folder / "target"
        dbt = str(Path(sys.executable).with_name("dbt"))
        command = [dbt, *arguments, "--project-dir", str(self.folder)]
        command += ["--profiles-dir", str(self.profiles), "--target-path", str(target)]
        command += ["--log-path", str(self.folder / "logs")]
        done = subprocess.run(command, cwd=self.folder, env=os.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"dbt {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-1000:]}")
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
        models = {r["unique_id"].rsplit(".", 1)[1]: float(r["execution_time"]) for r in results["results"]}
        return DbtRun(float(results["elapsed_time"]), models)


def copy_project(checkout: Path, folder: Path) -> DbtCopy:
    """Copy what dbt reads of a checkout."""
    folder.mkdir()
    left_out = shutil.ignore_patterns("*.py", "__pycache__")
    for name in COPIED:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=left_out)
        elif source.exists():
            shutil.copy(source, folder / name)
    return DbtCopy(folder, checkout)
