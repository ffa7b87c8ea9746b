"""How should values that change from image to image be stored in schema icdm_raw? Decided by measurement.

    python benchmarks/raw_shape.py [--instances N] [--variant NAME ...] [--keep]

Each variant gets an empty database on the server of the PG* variables (else the embedded one), the same invented
archive written by the project's own code, and the project's own models up to imaging_series, in a copy of the project.
The result is a Markdown table; docs/decisions/0001-raw-shape.md draws the conclusion.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dbt_copy import DbtCopy, DbtRun, copy_project
from psycopg import sql
from raw_shape_variants import VARIANTS, LoadSettings, LoadTimes, attributes_of, change_models, create_tables, load
from synthetic_archive import INSTANCES_PER_SERIES, SERIES_PER_COPY, add_extra_attributes, number_of_files

from extract.attributes import READING_VERSION, SEED, AttributeList, read_attribute_list
from extract.connection import connect
from extract.identifiers import Identifiers
from extract.known_files import add_root, roots
from extract.project import project_directory
from extract.raw_database import finish_run, layout_id, start_run
from extract.raw_rows import RunCounts

CHANGED_SERIES = 100  # one series in so many is changed after the first build
TABLES = ("instance", "header", "instance_header", "series", "folder")


@dataclass
class Measured:
    """What one variant came to."""

    files: int = 0
    load_seconds: float = 0.0
    load: LoadTimes = field(default_factory=LoadTimes)
    table_bytes: dict[str, int] = field(default_factory=dict)
    index_bytes: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    runs: dict[str, DbtRun] = field(default_factory=dict)
    eav: list[tuple[int, str]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=5_000_000, help="rows to write (default 5,000,000)")
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--keep", action="store_true", help="keep databases and project copies, and say where")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="icdm_bench_"))
    before = os.environ.get("PGDATABASE")
    measured: dict[str, Measured] = {}
    for variant in options.variant:
        name = f"icdm_bench_{os.getpid()}_{variant}"
        _maintain(before, "create database {}", name)
        try:
            os.environ["PGDATABASE"] = name
            copy = copy_project(project_directory(), folder / variant)
            measured[variant] = _measure(variant, options.instances, copy)
        finally:
            if not options.keep:
                _maintain(before, "drop database {} with (force)", name)
                shutil.rmtree(folder / variant, ignore_errors=True)
    for variant, result in measured.items():
        if result.eav != next(iter(measured.values())).eav:
            raise SystemExit(f"variant {variant} gives other EAV rows: {[(v, m.eav) for v, m in measured.items()]}")
    if not options.keep:
        folder.rmdir()
    print(_report(measured))
    print(f"\nThe EAV rows of {', '.join(measured)} are equal: rows and hash {next(iter(measured.values())).eav}")
    if options.keep:
        print(f"Kept: databases icdm_bench_{os.getpid()}_*, project copies in {folder}")


def _maintain(database: str | None, statement: str, name: str) -> None:
    os.environ.pop("PGDATABASE", None)
    if database is not None:
        os.environ["PGDATABASE"] = database
    with connect("icdm benchmark", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _measure(variant: str, instances: int, copy: DbtCopy) -> Measured:
    result = Measured()
    seed = copy.folder / SEED
    add_extra_attributes(seed)
    attributes = read_attribute_list(seed)
    change_models(copy.folder, variant)
    with connect("icdm benchmark") as connection:
        create_tables(connection, variant)
        add_root(connection, "/archive/of/the/benchmark")
    number_of_series = round(instances / (INSTANCES_PER_SERIES * (1 + 1 / SERIES_PER_COPY)))
    _say(
        variant,
        f"{number_of_series:,} series, {len(attributes.attributes)} attributes read from files, "
        f"{len(attributes.of_instance)} of them of level instance",
    )

    began = time.perf_counter()
    result.load = _scan(variant, attributes, range(number_of_series), revision=0)
    result.load_seconds = time.perf_counter() - began
    result.files = result.load.files
    _say(variant, f"{result.files:,} rows written in {result.load_seconds:.0f} s; processes together: {result.load}")
    _sizes(result)

    copy.run("seed")
    result.runs["first"] = copy.run("run", "--select", "+imaging_series")
    result.eav.append(_eav())
    result.runs["unchanged"] = copy.run("run", "--select", "+imaging_series")
    result.eav.append(_eav())
    _scan(variant, attributes, range(0, number_of_series, CHANGED_SERIES), revision=1)
    result.runs["1 % changed"] = copy.run("run", "--select", "+imaging_series")
    result.eav.append(_eav())
    for name, run in result.runs.items():
        _say(variant, f"dbt, {name}: {run.total:.1f} s; {_slowest(run)}")
    if variant == "array":
        _measure_keys(result, copy)
    return result


def _scan(variant: str, attributes: AttributeList, series: range, revision: int) -> LoadTimes:
    with connect("icdm benchmark") as connection:
        taken = attributes_of(variant, attributes)
        names = [attribute.key for attribute in taken.of_instance]
        layout = layout_id(connection, taken.fingerprint, READING_VERSION, names)
        run_id = start_run(connection, ["/archive"], "benchmark", layout, Identifiers(b"key of the benchmark"))
        root = roots(connection)[0]
        settings = LoadSettings(variant, attributes, run_id, layout, root.root_id, revision)
        times = load(_parts(series), settings)
        finish_run(connection, run_id, "completed", RunCounts(seen=times.files, read=times.files), None)
    return times


def _parts(series: range) -> Iterator[tuple[int, int, int]]:
    for number in series:
        yield number, 0, number_of_files(number)


def _sizes(result: Measured) -> None:
    with connect("icdm benchmark", autocommit=True) as connection:
        # Autovacuum may or may not have come by; after this, every variant starts alike.
        connection.execute("vacuum (analyze)")
        for table in TABLES:
            name = f"icdm_raw.{table}"
            row = connection.execute(
                "select pg_table_size(to_regclass(%(t)s)), pg_indexes_size(to_regclass(%(t)s))", {"t": name}
            ).fetchone()
            if row is not None and row[0] is not None:
                result.table_bytes[table], result.index_bytes[table] = row
                count = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("icdm_raw", table)))
                result.rows[table] = int(next(count)[0])


def _eav() -> tuple[int, str]:
    """Number of collapsed rows, and a sum of their hashes: equal for equal rows in any order."""
    with connect("icdm benchmark") as connection:
        row = connection.execute(
            """
            select count(*), sum(hashtextextended(
                (series_key, attribute, value, distinct_values, minimum, maximum, median)::text, 0)::numeric)::text
            from icdm_work.int_series__values_collapsed
            """
        ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def _measure_keys(result: Measured, copy: DbtCopy) -> None:
    """Build imaging_series once with its key in the contract and once with a unique index made after loading."""
    model = copy.folder / "models/icdm/imaging_series.sql"
    contract = copy.folder / "models/icdm/imaging_series.yml"
    original = model.read_text(), contract.read_text()
    key = "          - type: primary_key\n"
    if original[1].count(key) != 1 or original[0].count("indexes=[") != 1:
        raise SystemExit("imaging_series has no contract key any more: adapt the benchmark")
    index = "indexes=[{'columns': ['imaging_series_id'], 'unique': true}, "
    texts = {
        "key in the contract": original,
        "unique index after loading": (original[0].replace("indexes=[", index), original[1].replace(key, "")),
    }
    for name, (model_text, contract_text) in texts.items():
        model.write_text(model_text)
        contract.write_text(contract_text)
        result.runs[name] = copy.run("run", "--full-refresh", "--select", "imaging_series")
        _say("array", f"imaging_series anew, {name}: {result.runs[name].models['imaging_series']:.1f} s")
    model.write_text(original[0])
    contract.write_text(original[1])


def _slowest(run: DbtRun) -> str:
    return ", ".join(f"{m} {s:.1f}" for m, s in sorted(run.models.items(), key=lambda pair: -pair[1])[:9])


def _report(measured: dict[str, Measured]) -> str:
    def line(name: str, cells: list[str]) -> str:
        return f"| {name} | {' | '.join(cells)} |"

    results = list(measured.values())
    lines = [line("", list(measured)), line("---", ["---:"] * len(measured))]
    lines.append(line("rows of instance", [f"{m.files:,}" for m in results]))
    for table in TABLES[1:3]:
        lines.append(line(f"rows of {table}", [f"{m.rows.get(table, 0):,}" for m in results]))
    for table in TABLES:
        cells = []
        for m in results:
            heap, index = (sizes.get(table, 0) / m.files for sizes in (m.table_bytes, m.index_bytes))
            cells.append(f"{heap:.0f} + {index:.0f}")
        lines.append(line(f"{table}: bytes per instance, table + indexes", cells))
    totals = [(sum(m.table_bytes.values()) + sum(m.index_bytes.values())) / m.files for m in results]
    lines.append(line("bytes per instance, all", [f"{total:.0f}" for total in totals]))
    lines.append(line("loading, s", [f"{m.load_seconds:.0f}" for m in results]))
    lines.append(line("loading, rows/s", [f"{m.files / m.load_seconds:,.0f}" for m in results]))
    for part in ("inventing", "building", "copying", "merging"):
        lines.append(line(f"{part}, s of both processes", [f"{getattr(m.load, part):.0f}" for m in results]))
    for name in ("first", "unchanged", "1 % changed"):
        lines.append(line(f"dbt {name}: all models, s", [f"{m.runs[name].total:.1f}" for m in results]))
        models = max(results, key=lambda m: m.runs[name].total).runs[name].models
        for model in sorted(models, key=lambda each: -models[each])[:8]:
            cells = [f"{m.runs[name].models.get(model, 0.0):.1f}" for m in results]
            lines.append(line(f"dbt {name}: {model}, s", cells))
    return "\n".join(lines)


def _say(variant: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {variant}: {text}", flush=True)


if __name__ == "__main__":
    main()
