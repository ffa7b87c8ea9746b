"""The command `icdm-extract`: exit code 0 done, 1 the job failed, 2 wrong use or settings."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from tqdm import tqdm

from extract.attributes import SEED, AttributeSeedError, read_attribute_list
from extract.connection import NoServerError, connect
from extract.identifiers import VALUE_SEED, IdentifierKeyError, identifiers_from, vocabulary_terms
from extract.project import ProjectNotFoundError, project_directory
from extract.raw_database import RawDatabaseError, RunCounts
from extract.scan import RunSummary, ScanError, scan
from extract.status import status_lines
from extract.synthetic import CDM_FOLDER, DemoSummary, FolderNotOursError, write_demo_data
from extract.synthetic.omop_cdm import ForeignSchemaError, load

PLAIN_LINE_SECONDS = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (IdentifierKeyError, AttributeSeedError, ProjectNotFoundError, NoServerError, FileNotFoundError) as error:
        return _fail(2, str(error))
    except (RawDatabaseError, ScanError, FolderNotOursError, ForeignSchemaError) as error:
        return _fail(1, str(error))
    except psycopg.Error as error:
        # The detail of a database message quotes rows, its primary line does not.
        return _fail(1, f"database: {error.diag.message_primary or error}")
    except OSError as error:
        return _fail(1, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return _fail(1, "interrupted; what was committed is kept, scan again to go on")


def _fail(code: int, message: str) -> int:
    print(f"icdm-extract: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="icdm-extract", description="Read DICOM headers into schema icdm_raw of a PostgreSQL database."
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = subcommands.add_parser("scan", help="read headers and load them")
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder or file; suffixes do not matter")
    command.add_argument(
        "--identifiers",
        choices=("hmac", "clear"),
        default="hmac",
        help="store PatientID and AccessionNumber as keyed hashes (key: ICDM_HMAC_KEY) or as they are",
    )
    command.add_argument("--jobs", type=_positive, metavar="N", help="reading processes (default: one a core)")
    command.add_argument("--root", metavar="NAME", help="name the one PATH, so that the archive may move later")
    command.add_argument(
        "--accept-vanished", action="store_true", help="go on where more than 5 %% of a root's files are gone"
    )
    command.set_defaults(run=_scan)

    command = subcommands.add_parser("status", help="tell what is in the database, and what was left out and why")
    command.set_defaults(run=_status)

    command = subcommands.add_parser("demo-data", help="write a synthetic cohort: DICOM files and a small OMOP CDM")
    command.add_argument("directory", type=Path, metavar="DIR", help="an empty folder, or one written before")
    command.add_argument("--patients", type=_positive, default=24, metavar="N", help="size (default: 24)")
    command.add_argument("--seed", type=int, default=59187, metavar="N", help="another seed, another cohort")
    command.add_argument("--no-load", action="store_true", help="write files only, no schema demo_cdm")
    command.set_defaults(run=_demo_data)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _scan(options: argparse.Namespace) -> int:
    terms = vocabulary_terms(project_directory() / VALUE_SEED)
    identifiers = identifiers_from(options.identifiers, os.environ.get("ICDM_HMAC_KEY"), terms)
    if options.root is not None and len(options.paths) != 1:
        return _fail(2, "--root names one place: give one PATH")
    if options.root is not None and options.paths[0].is_file():
        return _fail(2, "--root names a folder: give the folder, or the file without --root")
    for path in options.paths:
        if not path.exists():
            return _fail(2, f"{path}: no such file or folder; is the archive mounted?")
    attributes = read_attribute_list(project_directory() / SEED)
    started = time.monotonic()
    with _Progress() as progress:
        summary = scan(
            options.paths,
            attributes,
            identifiers,
            jobs=options.jobs,
            root_name=options.root,
            accept_vanished=options.accept_vanished,
            progress=progress.show,
        )
    _print_summary(summary, time.monotonic() - started)
    return 0


def _status(options: argparse.Namespace) -> int:
    attributes = read_attribute_list(project_directory() / SEED)
    with connect("icdm-extract status") as connection:
        for line in status_lines(connection, attributes):
            print(line)
    return 0


def _demo_data(options: argparse.Namespace) -> int:
    with _Progress() as progress:
        summary = write_demo_data(options.directory, options.patients, options.seed, progress.of)
    _print_demo_summary(summary)
    if not options.no_load:
        with connect("icdm-extract demo-data") as connection:
            rows = load(connection, options.directory / CDM_FOLDER)
        print("demo_cdm: " + ", ".join(f"{table} {count:,}" for table, count in rows.items()))
    return 0


def _print_demo_summary(summary: DemoSummary) -> None:
    by_modality = ", ".join(f"{modality} {count:,}" for modality, count in summary.files_by_modality.items())
    print(
        f"synthetic cohort: {summary.patients:,} patients, {summary.studies:,} studies, {summary.series:,} series, "
        f"{summary.files:,} files ({by_modality})"
    )


class _Progress:
    """A bar on a terminal, a plain line now and then elsewhere; both on standard error."""

    def __enter__(self) -> "_Progress":
        self.bar = tqdm(unit=" files", disable=not sys.stderr.isatty(), leave=False)
        self.next_line = time.monotonic() + PLAIN_LINE_SECONDS
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, counts: RunCounts) -> None:
        done = counts.unchanged + counts.read + counts.rejected + counts.ignored
        self.bar.set_postfix(read=counts.read, rejected=counts.rejected, refresh=False)
        self.of(done, counts.seen)

    def of(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)
        if self.bar.disable and time.monotonic() >= self.next_line:
            print(f"{done:,} of {total:,} files", file=sys.stderr, flush=True)
            self.next_line = time.monotonic() + PLAIN_LINE_SECONDS


def _print_summary(summary: RunSummary, seconds: float) -> None:
    counts = summary.counts
    print(f"run {summary.run_id} completed in {seconds:.1f} s")
    for label, count in (
        ("files seen", counts.seen),
        ("unchanged", counts.unchanged),
        ("read", counts.read),
        ("rejected", counts.rejected),
        ("ignored", counts.ignored),
        ("vanished", counts.vanished),
    ):
        print(f"  {label:<12}{count:>12,}")
        for (outcome, reason), number in sorted(summary.reasons.items()):
            if outcome == label:
                print(f"    {reason:<28}{number:>12,}")
    if counts.rejected:
        print("  which and why: select * from icdm_raw.rejected_file")
    if counts.masked:
        print(f"  masked in free text, the file's own names, ids and birth date: {counts.masked:,}")
