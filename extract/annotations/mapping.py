"""A site's mapping file: how label maps (NIfTI, NRRD) and tables are read, which say little of themselves.

It is YAML of two lists, `label_maps` and `tables`; docs/annotations.md says what a rule may hold. Every scalar is taken
as the text that stands there, so that a UID, a label or NO is never read as a number or a truth. What is not known is
refused: a word misspelt must not go unnoticed.
"""

import hashlib
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import cast, get_args

import yaml

from extract.annotations.annotation import Generation
from extract.crosswalk_file import CrosswalkFile, CrosswalkRowsError, CrosswalkSettingsError

SERIES_GROUP = "series_instance_uid"
#: What a column or a constant of a table may tell of an annotation, its values apart.
FIELDS = (
    "label", "finding", "finding_code", "category_code", "site", "site_code", "laterality", "laterality_code",
    "tracking_id", "tracking_uid", "study_instance_uid", SERIES_GROUP, "sop_instance_uid", "annotator",
    "annotated_at", "date", "time", "generation", "algorithm_name", "annotation_system", "identifying",
)  # fmt: skip
_LENGTHS = ("mm", "cm", "dm", "m", "um", "nm")
_VOLUMES = ("mm3", "cm3", "dm3", "m3", "um3", "uL", "ul", "mL", "ml", "dL", "L", "l")
#: Values that are numbers in a unit, and the units (UCUM) that can be brought to mm, mm2 or mm3.
MEASURES: MappingType[str, tuple[str, ...]] = {
    "Volume": _VOLUMES,
    "SurfaceArea": ("mm2", "cm2", "m2", "um2"),
    **dict.fromkeys(("LongAxis", "ShortAxis", "MaximumDiameter3D"), _LENGTHS),
}
DECIMAL_MARKS = (".", ",")

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_VALUE_NAME = re.compile("[A-Z][A-Za-z0-9]*")
_STEM = "{stem}"


class MappingError(ValueError):
    """The mapping file cannot be used; the message names it, the line, and what to do."""


@dataclass(frozen=True)
class LabelMapEntry:
    """How one label map is read.

    `labels` names label values; where it is empty, the file's own names count (3D Slicer's .seg.nrrd). `annotator` is
    the reader's name, of which only a hash is stored.
    """

    labels: MappingType[int, str] = field(default_factory=dict)
    series_instance_uid: str | None = None
    annotation_system: str | None = None
    algorithm_name: str | None = None
    generation: Generation | None = None
    annotator: str | None = None


@dataclass(frozen=True)
class Column:
    """What a column of a table tells: one of FIELDS, or a value's name; its unit, or the column that says it."""

    attribute: str
    unit: str | None = None
    unit_column: str | None = None


@dataclass(frozen=True)
class TableEntry:
    """How one table is read.

    `columns` says what each of their columns tells (a column may tell several things), `constants` what holds for all
    rows; a filled cell goes before a constant, and both before `series_instance_uid`, which the file's path gave.
    """

    columns: MappingType[str, tuple[Column, ...]]
    constants: MappingType[str, str]
    series_instance_uid: str | None = None
    delimiter: str | None = None
    decimal_mark: str = "."
    date_format: str | None = None
    missing: frozenset[str] = frozenset()
    records: str | None = None


@dataclass(frozen=True)
class _SeriesRule:
    """Where the series of a file is known from: fixed, out of its path, or listed by path or name."""

    uid: str | None = None
    pattern: re.Pattern[str] | None = None
    listed: MappingType[str, str] | None = None

    def of(self, path: str) -> str | None:
        if self.pattern:
            match = self.pattern.search(path)
            return match[SERIES_GROUP] if match and is_uid(match[SERIES_GROUP] or "") else None
        if self.listed is not None:
            return self.listed.get(path) or self.listed.get(PurePosixPath(path).name)
        return self.uid


@dataclass(frozen=True)
class _Rule:
    files: tuple[re.Pattern[str], ...]
    series: _SeriesRule
    entry: LabelMapEntry | TableEntry

    def applied(self, path: str) -> LabelMapEntry | TableEntry:
        series = self.series.of(path)
        if isinstance(self.entry, TableEntry):
            return replace(self.entry, series_instance_uid=series)
        stem = PurePosixPath(path).name.partition(".")[0]
        labels = {value: name.replace(_STEM, stem) for value, name in self.entry.labels.items()}
        return replace(self.entry, series_instance_uid=series, labels=labels)


@dataclass(frozen=True)
class Mapping:
    """The rules of a mapping file; `fingerprint` changes with its content and that of the lists it names."""

    rules: tuple[_Rule, ...]
    fingerprint: str

    def entry(self, relative_path: str) -> LabelMapEntry | TableEntry | None:
        """Return how a file is read, by its path below the scanned root, with `/`; None where no rule names it.

        The first rule that matches counts, label maps before tables.
        """
        for rule in self.rules:
            if any(pattern.fullmatch(relative_path) for pattern in rule.files):
                return rule.applied(relative_path)
        return None


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file and the lists of files it names. Raises MappingError."""
    try:
        content = path.read_bytes()
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror}; --mapping takes a YAML file") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise MappingError(f"{path}{line}: this is no YAML ({error.problem}); mind indents and quotes") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: this is no YAML in UTF-8; save it as UTF-8 text") from error
    if root is None:
        raise MappingError(f"{path}: it is empty; write the lists label_maps and tables, or one of them")
    read = [hashlib.sha256(content)]
    document = _Section(path, root, "the mapping")
    document.only("label_maps", "tables")
    rules = [_label_maps(section, read) for section in document.sections("label_maps")]
    rules += [_table(section, read) for section in document.sections("tables")]
    if not rules:
        raise document.error("it has no rule", "write a list item below label_maps or tables")
    fingerprint = hashlib.sha256(b"".join(part.digest() for part in read)).hexdigest()
    return Mapping(tuple(rules), fingerprint)


class _Section:
    """A YAML mapping of the file; each fault is told with its line."""

    def __init__(self, path: Path, node: yaml.Node, name: str) -> None:
        self._path, self._node, self.name = path, node, name
        self._values: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            raise self.error("it must hold keys with values", "write `key: value` lines")
        for key, value in node.value:
            text = self._scalar(key, "a key")
            if text in self._values:
                raise self.error(f"{text} stands twice", "remove one", key)
            self._values[text] = value

    def error(self, fault: str, remedy: str, node: yaml.Node | None = None) -> MappingError:
        line = (node or self._node).start_mark.line + 1
        return MappingError(f"{self._path}, line {line}: {self.name}: {fault}; {remedy}")

    def error_at(self, key: str, fault: str, remedy: str) -> MappingError:
        return self.error(f"{key}: {fault}", remedy, self._values.get(key))

    def only(self, *known: str) -> None:
        for key, node in self._values.items():
            if key not in known:
                raise self.error(f"key {key} is unknown", f"there are {', '.join(known)}", node)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def text(self, key: str) -> str | None:
        return self._scalar(self._values[key], key) if key in self._values else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list, or the one text."""
        node = self._values.get(key)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node] if node else []
        return tuple(self._scalar(one, key, empty=True) for one in nodes)

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        text = self.text(key)
        if text is not None and text not in choices:
            raise self.error_at(key, f"{text!r} is none of {', '.join(choices)}", "write one of them")
        return text

    def section(self, key: str) -> "_Section":
        return _Section(self._path, self._values[key], f"{self.name}, {key}")

    def is_section(self, key: str) -> bool:
        return isinstance(self._values[key], yaml.MappingNode)

    def sections(self, key: str) -> list["_Section"]:
        node = self._values.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.error_at(key, "it must be a list", "begin each rule with `- files:`")
        return [_Section(self._path, one, f"{key}[{number}]") for number, one in enumerate(node.value, start=1)]

    def beside(self, name: str) -> Path:
        """Return the path of a file that the mapping names, from its own folder."""
        return self._path.parent / name

    def _scalar(self, node: yaml.Node, what: str, empty: bool = False) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(f"{what} must be one text", "write it behind the colon", node)
        if not empty and not node.value.strip():
            raise self.error(f"{what} is empty", "write a value, or leave it out", node)
        return str(node.value).strip()


def _label_maps(section: _Section, read: list["hashlib._Hash"]) -> _Rule:
    section.only("files", "series", "labels", "annotation_system", "algorithm_name", "generation", "annotator")
    labels: dict[int, str] = {}
    if "labels" in section:
        names = section.section("labels")
        for value in names:
            if not value.isascii() or not value.isdigit() or int(value) == 0:
                raise names.error_at(value, "a label is a number from 1", "0 is the background")
            labels[int(value)] = names.text(value) or ""
    entry = LabelMapEntry(
        labels,
        None,
        section.text("annotation_system"),
        section.text("algorithm_name"),
        cast(Generation | None, section.choice("generation", get_args(Generation))),
        section.text("annotator"),
    )
    if "series" not in section:
        raise section.error("it has no series", "say which images were segmented: series with uid, path or list")
    return _Rule(_files(section), _series(section, read), entry)


def _table(section: _Section, read: list["hashlib._Hash"]) -> _Rule:
    section.only(
        "files", "series", "columns", "constants", "delimiter", "decimal_mark", "date_format", "missing", "records"
    )
    if "columns" not in section:
        raise section.error("it has no columns", "say what their columns tell: `their column: our attribute`")
    columns = _columns(section.section("columns"))
    constants = _constants(section.section("constants")) if "constants" in section else {}
    tells = {column.attribute for those in columns.values() for column in those}
    if not tells - set(FIELDS) and "label" not in tells:
        raise section.error_at("columns", "no column tells a label or a value", "map one, such as Volume")
    if "series" not in section and {SERIES_GROUP, "sop_instance_uid"}.isdisjoint({*tells, *constants}):
        raise section.error(
            "nothing tells the annotated images",
            "map a column to series_instance_uid or sop_instance_uid, or write series with uid, path or list",
        )
    delimiter = section.text("delimiter") if "delimiter" in section else None
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if delimiter and len(delimiter) != 1:
        raise section.error_at("delimiter", "it must be one character", 'write it in quotes, a tab as "\\\\t"')
    entry = TableEntry(
        columns,
        constants,
        None,
        delimiter,
        section.choice("decimal_mark", DECIMAL_MARKS) or ".",
        section.text("date_format"),
        frozenset(section.texts("missing")),
        section.text("records"),
    )
    return _Rule(_files(section), _series(section, read), entry)


def _columns(section: _Section) -> dict[str, tuple[Column, ...]]:
    columns: dict[str, tuple[Column, ...]] = {}
    first: dict[str, str] = {}
    for name in section:
        if section.is_section(name):
            one = section.section(name)
            one.only("attribute", "unit", "unit_column")
            attributes = one.texts("attribute")
            unit, unit_column = one.text("unit"), one.text("unit_column")
        else:
            attributes, unit, unit_column = section.texts(name), None, None
        for attribute in attributes or ("",):
            _check_attribute(section, name, attribute)
            if first.setdefault(attribute, name) != name and attribute != "identifying":
                raise section.error_at(name, f"{attribute} is told by {first[attribute]} too", "map one of them")
            if (unit or unit_column) and attribute in FIELDS:
                raise section.error_at(name, f"{attribute} has no unit", "leave unit out")
            if attribute in MEASURES:
                _check_unit(section, name, attribute, unit, unit_column)
        columns[name] = tuple(Column(attribute, unit, unit_column) for attribute in attributes)
    return columns


def _constants(section: _Section) -> dict[str, str]:
    constants = {}
    for name in section:
        _check_attribute(section, name, name)
        if name in MEASURES:
            raise section.error_at(name, "a measure is no constant", "map the column that holds it")
        constants[name] = section.text(name) or ""
    if constants.get("generation", "MANUAL") not in get_args(Generation):
        section.choice("generation", get_args(Generation))
    return constants


def _check_attribute(section: _Section, key: str, attribute: str) -> None:
    if attribute not in FIELDS and not _VALUE_NAME.fullmatch(attribute):
        raise section.error_at(
            key,
            f"{attribute!r} is no attribute",
            f"there are {', '.join(FIELDS)}, and values under names like Volume, LongAxis or Malignancy",
        )


def _check_unit(section: _Section, name: str, attribute: str, unit: str | None, unit_column: str | None) -> None:
    known = MEASURES[attribute]
    if not unit and not unit_column:
        raise section.error_at(
            name, f"{attribute} needs a unit", f"write {{attribute: {attribute}, unit: {known[0]}}}, or unit_column"
        )
    if unit and unit not in known:
        raise section.error_at(name, f"unit {unit} is none of {attribute}", f"there are {', '.join(known)}")


def _files(section: _Section) -> tuple[re.Pattern[str], ...]:
    globs = section.texts("files")
    if not all(globs) or not globs:
        raise section.error("it has no files", 'say which, such as files: "**/*_seg.nii.gz"')
    return tuple(_glob(one) for one in globs)


def _glob(glob: str) -> re.Pattern[str]:
    """Return a pattern for whole paths: `*` and `?` stay within a folder, `**` is any number of folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]]+\])", glob)
    ways = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    kept = (
        ways.get(part) or ("[" + part[1:].replace("!", "^", part[1] == "!").replace("\\", r"\\"))
        if number % 2
        else re.escape(part)
        for number, part in enumerate(parts)
    )
    return re.compile("".join(kept), re.DOTALL)


def _series(section: _Section, read: list["hashlib._Hash"]) -> _SeriesRule:
    if "series" not in section:
        return _SeriesRule()
    rule = section.section("series")
    rule.only("uid", "path", "list")
    if len(list(rule)) != 1:
        raise rule.error("it needs one key", "write uid, path or list")
    if uid := rule.text("uid"):
        if not is_uid(uid):
            raise rule.error_at("uid", "this is no UID", "it has digits with dots between, at most 64 characters")
        return _SeriesRule(uid=uid)
    if text := rule.text("path"):
        try:
            pattern = re.compile(text)
        except re.error as error:
            raise rule.error_at("path", f"this is no regular expression of Python ({error})", "correct it") from error
        if SERIES_GROUP not in pattern.groupindex:
            group = f"(?P<{SERIES_GROUP}>[0-9.]+)"
            raise rule.error_at("path", f"it has no group {SERIES_GROUP}", f"write {group} where the path has the UID")
        return _SeriesRule(pattern=pattern)
    return _SeriesRule(listed=_listed(rule, rule.beside(rule.text("list") or ""), read))


def _listed(rule: _Section, path: Path, read: list["hashlib._Hash"]) -> dict[str, str]:
    """Return the series by file, from a CSV of two columns."""
    listed: dict[str, str] = {}

    def row(_: int, cells: MappingType[str, str]) -> None:
        file, series = cells["file"], cells[SERIES_GROUP]
        if not file or not is_uid(series):
            raise ValueError(f"file is empty or {SERIES_GROUP} is no UID")
        if listed.setdefault(file, series) != series:
            raise ValueError("this file stands above with another series; remove one")

    try:
        read.append(hashlib.sha256(path.read_bytes()))
        with path.open("rb") as file:
            for _ in CrosswalkFile(file, path, ("file", SERIES_GROUP), ()).rows(row):
                pass
    except OSError as error:
        raise rule.error_at("list", f"{path}: {error.strerror}", "name a CSV beside the mapping file") from error
    except (CrosswalkSettingsError, CrosswalkRowsError) as error:
        raise MappingError(str(error)) from error
    return listed


def is_uid(text: str) -> bool:
    """Tell whether a text can be a UID (PS3.5 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None
