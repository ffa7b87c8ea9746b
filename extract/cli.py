"""The command `icdm-extract`: exit code 0 done, 1 the job failed, 2 wrong use or settings."""

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import psycopg
from tqdm import tqdm

from extract import crosswalk, crosswalk_event, crosswalk_expected
from extract.annotate import AnnotationCounts, annotate
from extract.annotations.context import DEFAULT_FRACTIONAL_THRESHOLD as DEFAULT_THRESHOLD
from extract.annotations.mapping import MappingError, read_mapping
from extract.attributes import SEED, AttributeSeedError, read_attribute_list
from extract.connection import NoServerError, connect
from extract.crosswalk_file import CrosswalkRowsError, CrosswalkSettingsError
from extract.identifiers import (
    ACCESSION_REWRITE_VARIABLE,
    KEY_VARIABLE,
    PATIENT_REWRITE_VARIABLE,
    VALUE_SEED,
    IdentifierKeyError,
    Identifiers,
    identifiers_from,
    vocabulary_terms,
)
from extract.known_files import RawRowsError
from extract.load import LoadSummary, load
from extract.organise import (
    Method,
    OrganiseError,
    OrganiseSettingsError,
    Outcome,
    SeriesFiles,
    Summary,
    organise,
    write_manifest,
)
from extract.parts import PartWriteError, Shard
from extract.project import ProjectNotFoundError, omop_schema, project_directory
from extract.raw_rows import RunCounts
from extract.reader_pool import ScanError
from extract.rewrite import RewriteRuleError
from extract.scan import RunSummary, scan, scan_to_parts
from extract.status import status_lines
from extract.synthetic import CDM_FOLDER, DemoSummary, FolderNotOursError, omop_cdm, write_demo_data
from extract.usagi import UsagiExportError, read_approved, write_unmapped

PLAIN_LINE_SECONDS = 30.0
OUTCOMES = ("read", "rejected", "ignored", "vanished")
FAILURES = (
    RawRowsError,
    ScanError,
    PartWriteError,
    CrosswalkRowsError,
    FolderNotOursError,
    UsagiExportError,
    OrganiseError,
    omop_cdm.ForeignSchemaError,
)
WRONG_SETTINGS = (
    IdentifierKeyError,
    RewriteRuleError,
    AttributeSeedError,
    CrosswalkSettingsError,
    ProjectNotFoundError,
    NoServerError,
    MappingError,
    OrganiseSettingsError,
    FileNotFoundError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except WRONG_SETTINGS as error:
        return _fail(2, str(error))
    except FAILURES as error:
        return _fail(1, str(error))
    except psycopg.Error as error:
        # The detail of a database message quotes rows, its primary line does not.
        return _fail(1, f"database: {error.diag.message_primary or error}")
    except OSError as error:
        return _fail(1, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return _fail(1, "interrupted; what was committed is kept, run it again to go on")


def _fail(code: int, message: str) -> int:
    print(f"icdm-extract: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="icdm-extract",
        description="Read DICOM headers and annotations into schema icdm_raw of a PostgreSQL database.",
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = subcommands.add_parser("scan", help="read headers and annotations, and load them")
    _add_scan(command)
    command.add_argument(
        "--parquet", type=Path, metavar="DIR", help="write the rows as Parquet parts into DIR, then load them"
    )
    command.add_argument("--no-load", action="store_true", help="leave the parts for `load`; no database is needed")
    command.add_argument(
        "--shard", type=_shard, default=Shard(), metavar="I/N", help="take the I-th of N shares of the files"
    )
    command.set_defaults(run=_scan, mapping=None)

    command = subcommands.add_parser(
        "annotate", help="scan, and take label maps (NIfTI, NRRD) and tables of labelling tools too"
    )
    _add_scan(command)
    command.add_argument(
        "--mapping", type=Path, metavar="FILE", help="how label maps and tables are read: docs/annotations.md"
    )
    command.set_defaults(run=_scan, parquet=None, no_load=False, shard=Shard())

    command = subcommands.add_parser("load", help="load Parquet parts, written here or on other machines")
    command.add_argument(
        "directories", nargs="+", type=Path, metavar="DIR", help="a folder that `scan --parquet` wrote"
    )
    command.set_defaults(run=_load)

    command = subcommands.add_parser("crosswalk", help="load what a site knows of its patients and examinations")
    crosswalks = command.add_subparsers(required=True, metavar="KIND")
    command = crosswalks.add_parser("person", help="which person of the OMOP CDM a PatientID is")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE.csv",
        help="columns patient_id, person_id, optional issuer_of_patient_id and date_shift_days",
    )
    source.add_argument("--from-omop", action="store_true", help="take PERSON.person_source_value as the PatientID")
    _add_omop_schema(command)
    _add_identifiers(command)
    command.set_defaults(run=_crosswalk, kind="person")
    for kind, id_column in crosswalk_event.ID_COLUMNS.items():
        command = crosswalks.add_parser(kind, help=f"which {id_column} an accession or a study is")
        source = command.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "file",
            nargs="?",
            type=Path,
            metavar="FILE.csv",
            help=f"columns {id_column} and accession_number or study_instance_uid",
        )
        source.add_argument(
            "--from-omop",
            type=_column,
            metavar="TABLE.COLUMN",
            help=f"take the accessions from a column of a table with {id_column}",
        )
        _add_omop_schema(command)
        _add_identifiers(command)
        command.set_defaults(run=_crosswalk, kind=kind)
    command = crosswalks.add_parser("expected", help="how many instances the PACS has of each study and series")
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE.csv",
        help="columns study_instance_uid, number_of_instances, optional series_instance_uid",
    )
    command.set_defaults(run=_expected, kind="expected")

    command = subcommands.add_parser("status", help="tell what is in the database, and what was left out and why")
    command.set_defaults(run=_status)

    command = subcommands.add_parser(
        "organise", help="lay out series in folders that say what they are; without a method only tell how"
    )
    command.add_argument("destination", type=Path, metavar="DEST", help="the folder to lay them out in")
    method = command.add_mutually_exclusive_group()
    for choice, text in (
        (Method.HARD_LINK, "second names of the same files, on the same file system; what changes one changes both"),
        (Method.SYMLINK, "links to the files"),
        (Method.COPY, "copies of the files; members of archives are copied in any case"),
    ):
        method.add_argument(f"--{choice}", dest="method", action="store_const", const=choice, help=text)
    method.add_argument("--manifest-only", action="store_true", help="write manifest.csv and manifest.parquet alone")
    command.add_argument(
        "--from",
        dest="only",
        type=_relation,
        metavar="SCHEMA.TABLE",
        help="take the series of a table or view: by unique_series_id, and imaging_study_id where it has one",
    )
    command.set_defaults(run=_organise)

    command = subcommands.add_parser("unmapped", help="write the values that nothing maps, as a CSV for Usagi")
    command.add_argument("file", type=Path, metavar="FILE", help="the CSV to write")
    command.set_defaults(run=_unmapped)

    command = subcommands.add_parser("usagi", help="print what was approved in Usagi, as rows of value_mapping.csv")
    command.add_argument("file", type=Path, metavar="FILE", help="the mapping that Usagi saved")
    command.set_defaults(run=_usagi)

    command = subcommands.add_parser("demo-data", help="write a synthetic cohort: DICOM files and a small OMOP CDM")
    command.add_argument("directory", type=Path, metavar="DIR", help="an empty folder, or one written before")
    command.add_argument("--patients", type=_positive, default=240, metavar="N", help="size (default: 240)")
    command.add_argument("--seed", type=int, default=59187, metavar="N", help="another seed, another cohort")
    command.add_argument("--no-load", action="store_true", help="write files only, no schema demo_cdm")
    command.set_defaults(run=_demo_data)
    return parser


def _add_identifiers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--identifiers",
        choices=("hmac", "clear"),
        default="hmac",
        help="store PatientID and AccessionNumber as keyed hashes (key: ICDM_HMAC_KEY) or as they are",
    )


def _identifiers(options: argparse.Namespace, terms: frozenset[str] = frozenset()) -> Identifiers:
    return identifiers_from(
        options.identifiers,
        os.environ.get(KEY_VARIABLE),
        terms,
        patient_rewrite=os.environ.get(PATIENT_REWRITE_VARIABLE),
        accession_rewrite=os.environ.get(ACCESSION_REWRITE_VARIABLE),
    )


def _add_omop_schema(command: argparse.ArgumentParser) -> None:
    command.add_argument("--omop-schema", metavar="NAME", help="its schema (default: omop_schema in dbt_project.yml)")


def _column(text: str) -> tuple[str, str]:
    table, _, column = text.partition(".")
    if not table or not column:
        raise argparse.ArgumentTypeError("must be TABLE.COLUMN, as procedure_occurrence.procedure_source_value")
    return table, column


def _add_scan(command: argparse.ArgumentParser) -> None:
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder or file; suffixes do not matter")
    _add_identifiers(command)
    command.add_argument("--jobs", type=_positive, metavar="N", help="reading processes (default: one a core)")
    command.add_argument("--root", metavar="NAME", help="name the one PATH, so that the archive may move later")
    command.add_argument(
        "--accept-vanished", action="store_true", help="go on where more than 5 %% of a root's files are gone"
    )
    command.add_argument(
        "--fractional-threshold",
        type=_fraction,
        metavar="F",
        help="the share from which on a voxel belongs to a fractional segmentation (default "
        f"{DEFAULT_THRESHOLD:g}); where given, what was read with another one is read again",
    )


def _fraction(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1")
    return number


def _relation(text: str) -> tuple[str, str]:
    schema, _, table = text.partition(".")
    if not schema or not table:
        raise argparse.ArgumentTypeError("must be SCHEMA.TABLE, as icdm_analysis.scenario_3_series")
    return schema, table


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _shard(text: str) -> Shard:
    number, _, of = text.partition("/")
    shard = Shard(int(number), int(of))
    if not 1 <= shard.number <= shard.of:
        raise argparse.ArgumentTypeError("must be I/N with I from 1 to N, as 2/8")
    return shard


def _scan(options: argparse.Namespace) -> int:
    identifiers = _identifiers(options, vocabulary_terms(project_directory() / VALUE_SEED))
    if options.root is not None and len(options.paths) != 1:
        return _fail(2, "--root names one place: give one PATH")
    if options.root is not None and options.paths[0].is_file():
        return _fail(2, "--root names a folder: give the folder, or the file without --root")
    for path in options.paths:
        if not path.exists():
            return _fail(2, f"{path}: no such file or folder; is the archive mounted?")
    if options.parquet is None and (options.no_load or options.shard.of > 1):
        return _fail(2, "--no-load and --shard go with --parquet DIR")
    if options.shard.of > 1 and not options.no_load:
        return _fail(2, "--shard goes with --no-load: `load` takes the parts of all shards")
    mapping = None if options.mapping is None else read_mapping(options.mapping)
    attributes = read_attribute_list(project_directory() / SEED)
    started = time.monotonic()
    with _Progress(" files") as progress:
        to_place = (
            scan if options.parquet is None else partial(scan_to_parts, into=options.parquet, shard=options.shard)
        )
        summary = to_place(
            options.paths,
            attributes,
            identifiers,
            jobs=options.jobs,
            root_name=options.root,
            accept_vanished=options.accept_vanished,
            progress=progress.show,
        )
    place = (
        "icdm_raw.rejected_file" if options.parquet is None or not options.no_load else f"{options.parquet}/*.parquet"
    )
    _print_summary(summary, time.monotonic() - started, place)
    if options.no_load:
        return 0
    if options.parquet is not None:
        options.directories = [options.parquet]
        _load(options)
    started = time.monotonic()
    with _Progress(" annotation files") as progress:
        counts = annotate(
            options.paths,
            identifiers,
            mapping=mapping,
            fractional_threshold=options.fractional_threshold,
            jobs=options.jobs,
            progress=progress.of,
        )
    _print_annotation_counts(counts, time.monotonic() - started)
    return 0


def _load(options: argparse.Namespace) -> int:
    with _Progress(" parts") as progress:
        summary = load(options.directories, progress.of)
    _print_load_summary(summary)
    return 0


def _crosswalk(options: argparse.Namespace) -> int:
    identifiers = _identifiers(options)
    unused: list[str] = []
    if options.from_omop:
        schema = options.omop_schema or omop_schema(project_directory())
        if options.kind == "person":
            summary = crosswalk.load_omop(schema, identifiers)
        else:
            table, column = options.from_omop
            summary = crosswalk_event.load_omop(options.kind, schema, table, column, identifiers)
    elif options.omop_schema:
        return _fail(2, "--omop-schema goes with --from-omop, not with a file")
    elif not options.file.exists() or options.file.is_dir():
        return _fail(2, f"{options.file}: no such file")
    elif options.kind == "person":
        summary, unused = crosswalk.load_csv(options.file, identifiers)
    else:
        summary, unused = crosswalk_event.load_csv(options.kind, options.file, identifiers)
    _print_crosswalk_summary(options, summary, unused)
    if summary.rows_refused and options.kind == "person":
        print("  an id must mean one person with one shift of dates: correct the rows named above and load again")
    if summary.rows_skipped:
        rule = PATIENT_REWRITE_VARIABLE if options.kind == "person" else ACCESSION_REWRITE_VARIABLE
        print(f"  skipped is what has no id, or none is left of it by {rule}")
    return 0


def _expected(options: argparse.Namespace) -> int:
    if not options.file.exists() or options.file.is_dir():
        return _fail(2, f"{options.file}: no such file")
    summary, unused = crosswalk_expected.load_csv(options.file)
    _print_crosswalk_summary(options, summary, unused)
    if summary.rows_refused:
        print("  a study or series has one number: correct the rows named above and load again")
    return 0


def _print_crosswalk_summary(options: argparse.Namespace, summary: crosswalk.LoadSummary, unused: list[str]) -> None:
    for column in unused:
        print(f"{options.file}: column {column} is not used", file=sys.stderr)
    for refusal in summary.refusals:
        print(f"{refusal}; refused", file=sys.stderr)
    print(f"load {summary.load_id} of the {options.kind} crosswalk completed")
    for label, count in (
        ("rows loaded", summary.rows_loaded),
        ("rows refused", summary.rows_refused),
        ("rows skipped", summary.rows_skipped),
    ):
        print(f"  {label:<14}{count:>12,}")


def _status(options: argparse.Namespace) -> int:
    attributes = read_attribute_list(project_directory() / SEED)
    with connect("icdm-extract status") as connection:
        for line in status_lines(connection, attributes):
            print(line)
    return 0


def _organise(options: argparse.Namespace) -> int:
    with (
        connect("icdm-extract organise") as connection,
        SeriesFiles(connection, options.only) as files,
        _Progress(" files") as progress,
    ):
        if options.manifest_only:
            summary = write_manifest(files, options.destination, progress.of)
        else:
            summary = organise(files, options.destination, options.method, progress.of, progress.note)
    _print_organised(summary, options)
    return 1 if summary.has_problems else 0


def _print_organised(summary: Summary, options: argparse.Namespace) -> None:
    for name, folder in sorted(summary.folders.items()):
        told = ", ".join(f"{number:,} {outcome}" for outcome, number in folder.outcomes.items() if outcome.is_problem)
        print(f"{name}  {folder.files:,} files, {folder.size / 1e6:,.1f} MB{', ' if told else ''}{told}")
    print(f"{options.destination}: {summary.outcomes.total():,} files of {summary.series:,} series")
    if options.manifest_only:
        print("  they are listed in manifest.csv and manifest.parquet")
    else:
        for outcome in Outcome:
            number = summary.outcomes[outcome]
            label = "to be laid out" if outcome is Outcome.NEW and options.method is None else outcome
            size = f", {summary.size / 1e6:,.1f} MB" if outcome is Outcome.NEW else ""
            if number or not outcome.is_problem:
                print(f"  {label:<48}{number:>12,}{size}")
        if summary.from_archives and options.method is not Method.COPY:
            print(f"  copied, since they lie in archives              {summary.from_archives:>12,}")
    if summary.series_without_files:
        print(f"  series of {'.'.join(options.only)} that have no files here: {summary.series_without_files:,}")
    if options.method is None and not options.manifest_only:
        print("Nothing was written. --hard-link, --symlink or --copy lays them out, --manifest-only lists the files.")


def _unmapped(options: argparse.Namespace) -> int:
    with connect("icdm-extract unmapped") as connection:
        try:
            number = write_unmapped(connection, options.file)
        except psycopg.errors.UndefinedTable:
            return _fail(1, "there is no mapping_coverage yet: run `dbt build` first")
    print(f"{options.file}: {number:,} values that nothing maps")
    return 0


def _usagi(options: argparse.Namespace) -> int:
    with (project_directory() / VALUE_SEED).open(encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file))
    rows, left_out = read_approved(options.file, columns)
    csv.DictWriter(sys.stdout, columns, lineterminator="\n").writerows(rows)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    print(f"{len(rows):,} rows for {VALUE_SEED}, {len(left_out):,} left out", file=sys.stderr)
    return 0


def _demo_data(options: argparse.Namespace) -> int:
    with _Progress(" files") as progress:
        summary = write_demo_data(options.directory, options.patients, options.seed, progress.of)
    _print_demo_summary(summary)
    if not options.no_load:
        with connect("icdm-extract demo-data") as connection:
            rows = omop_cdm.load(connection, options.directory / CDM_FOLDER)
        print("demo_cdm: " + ", ".join(f"{table} {count:,}" for table, count in rows.items()))
    return 0


def _print_demo_summary(summary: DemoSummary) -> None:
    by_modality = ", ".join(f"{modality} {count:,}" for modality, count in summary.files_by_modality.items())
    print(
        f"synthetic cohort: {summary.patients:,} patients, {summary.studies:,} studies, {summary.series:,} series, "
        f"{summary.files:,} files ({by_modality})"
    )


def _print_annotation_counts(counts: AnnotationCounts, seconds: float) -> None:
    if counts.files:
        print(f"annotations read in {seconds:.1f} s")
    for form in sorted({form for form, _, _ in counts.files}):
        files = sum(number for (of_form, _, _), number in counts.files.items() if of_form == form)
        print(f"  {form:<20}{files:>8,} files, {counts.annotations[form]:,} annotations")
        for (of_form, outcome, reason), number in sorted(counts.files.items()):
            if of_form == form and outcome != "read":
                print(f"    {outcome}: {reason:<40}{number:>8,}")
    if counts.unmeasured:
        print(f"  annotations without measures: {counts.unmeasured:,}; why: column problem of icdm_raw.annotation")
    if any(outcome == "refused" for _, outcome, _ in counts.files):
        print("  which and why: the rows in icdm_raw.annotation_file")
    if counts.masked:
        print(f"  masked in text, of what identifies somebody in the same file: {counts.masked:,}")
    if counts.unmapped:
        print(f"  label maps that no mapping names: {counts.unmapped:,}; `annotate --mapping FILE` takes them")


def _print_load_summary(summary: LoadSummary) -> None:
    rows = ", ".join(f"{outcome} {summary.rows[outcome]:,}" for outcome in OUTCOMES)
    print(
        f"{summary.parts:,} parts of {summary.scans:,} scans loaded, {summary.parts_known:,} were loaded before;"
        f" files {rows}"
    )
    for scan_name in summary.unfinished:
        print(f"  scan {scan_name} has not ended: scan again, and load what it adds")


class _Progress:
    """A bar with rate and remaining time on a terminal, a plain line now and then elsewhere; both on standard error."""

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def __enter__(self) -> "_Progress":
        self.bar = tqdm(unit=self.unit, disable=not sys.stderr.isatty(), leave=False)
        self.next_line = time.monotonic() + PLAIN_LINE_SECONDS
        self.began: tuple[float, int] | None = None  # when the first files were done, and how many
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def note(self, line: str) -> None:
        """Print a line on standard error, above the bar."""
        self.bar.write(line, file=sys.stderr)

    def show(self, counts: RunCounts) -> None:
        done = counts.unchanged + counts.read + counts.rejected + counts.ignored
        self.bar.set_postfix(read=counts.read, rejected=counts.rejected, refresh=False)
        # Until the files are counted nobody knows how many are left; the members of archives come on top.
        self.of(done, None if counts.expected is None else max(counts.expected, counts.seen))

    def of(self, done: int, total: int | None) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)
        now = time.monotonic()
        self.began = self.began or (now, done)
        if self.bar.disable and now >= self.next_line:
            rate = (done - self.began[1]) / max(now - self.began[0], 1)
            left = "" if total is None or not rate else f", {tqdm.format_interval((total - done) / rate)} left"
            of_total = "" if total is None else f" of {total:,}"
            print(f"{done:,}{of_total}{self.unit}, {rate:,.0f}/s{left}", file=sys.stderr, flush=True)
            self.next_line = now + PLAIN_LINE_SECONDS


def _print_summary(summary: RunSummary, seconds: float, rows_are_in: str) -> None:
    counts = summary.counts
    print(f"run {summary.name} completed in {seconds:.1f} s")
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
        print(f"  which and why: the rows in {rows_are_in}")
    if counts.masked:
        print(f"  masked in text, of what identifies somebody in the same file: {counts.masked:,}")
