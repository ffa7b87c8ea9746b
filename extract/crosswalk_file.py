"""A site's CSV file for `icdm-extract crosswalk`: its encoding, delimiter, header and rows, each fault with its line.

No message holds a cell of the file: it may be a patient's id.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

DELIMITERS = ",;\t"
SHOWN_FAULTS = 20

_UNREADABLE = "it cannot be read as CSV in UTF-8 ({}); check the file's encoding and its quotes"

Parsed = TypeVar("Parsed")


class CrosswalkSettingsError(ValueError):
    """The file or schema named is none that a crosswalk can be read from; the message says what it needs."""


class CrosswalkRowsError(ValueError):
    """Rows that cannot be understood, so that nothing is loaded; the message has a line for each."""


class CrosswalkFile:
    """An open CSV file whose first line names the columns, in any order and case; others than the known are unused."""

    def __init__(
        self,
        file: BinaryIO,
        path: Path,
        required: Sequence[str],
        optional: Sequence[str],
        one_of: Sequence[str] = (),
    ) -> None:
        """Read the first line. At least one of the optional columns in `one_of` must be there too.

        Raises CrosswalkSettingsError (a column is missing, or there twice) and CrosswalkRowsError (it is not UTF-8).
        """
        self.path = path
        self._lines = _decoded(file)
        known = {*required, *optional}
        try:
            header = next(self._lines, "")
        except csv.Error as error:
            raise CrosswalkRowsError(f"{path}, line 1: {_UNREADABLE.format(error)}") from None
        self._delimiter = max(DELIMITERS, key=lambda delimiter: len(known.intersection(_names(header, delimiter))))
        self._names = _names(header, self._delimiter)
        self._used = [name for name in self._names if name in known]
        self.unused = [name for name in self._names if name and name not in known]
        missing = [name for name in required if name not in self._names]
        if one_of and not set(one_of).intersection(self._names):
            missing.append(" or ".join(one_of))
        if missing:
            may = f", may name {', '.join(optional)}" if optional else ""
            raise CrosswalkSettingsError(
                f"{path}: the first line names no column {', '.join(missing)}. It must name {', '.join(required)}{may}"
                ", with commas, semicolons or tabs between."
            )
        if twice := {name for name in self._used if self._used.count(name) > 1}:
            raise CrosswalkSettingsError(f"{path}: column {', '.join(sorted(twice))} stands twice; remove one")

    def rows(self, parse: Callable[[int, Mapping[str, str]], Parsed]) -> Iterator[Parsed]:
        """Yield what `parse` makes of each row: line and cells by column, without blanks around; '' where empty.

        Rows without any cell filled are passed over. Raises CrosswalkRowsError at the end, or where reading cannot go
        on, with the faults of all rows: the ValueErrors that `parse` raised, wrong numbers of cells, quotes left open.
        """
        faults: list[str] = []
        number_of_faults = 0
        reader = csv.reader(self._lines, delimiter=self._delimiter, skipinitialspace=True, strict=True)
        while True:
            line = reader.line_num + 2  # behind the first line, which the reader has not seen
            try:
                cells = [cell.strip() for cell in next(reader)]
                if not any(cells):
                    continue
                if len(cells) != len(self._names):
                    raise ValueError(
                        f"{len(cells)} cells where the first line names {len(self._names)} columns; quote a cell that "
                        "holds the delimiter"
                    )
                parsed = parse(line, {n: cell for n, cell in zip(self._names, cells, strict=True) if n in self._used})
            except StopIteration:
                break
            except ValueError as error:
                number_of_faults += 1
                if number_of_faults <= SHOWN_FAULTS:
                    faults.append(f"{self.path}, line {line}: {error}")
            except csv.Error as error:
                faults.append(f"{self.path}, line {line}: {_UNREADABLE.format(error)}")
                break  # where the next row begins cannot be known
            else:
                yield parsed
        if number_of_faults > SHOWN_FAULTS:
            faults.append(f"and {number_of_faults - SHOWN_FAULTS:,} faulty rows more")
        if faults:
            raise CrosswalkRowsError("\n".join(faults) + "\nNothing was loaded.")


def _decoded(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(file):
        try:
            text = line.decode("utf-8" if number else "utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:  # as UTF-16 has it
            raise csv.Error("not UTF-8")
        yield text


def _names(header: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [name.strip().lower() for name in names]
