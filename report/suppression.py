"""Small counts and whatever would give them away.

A count of 1 to minimum - 1 is not shown; 0 is. Counts of a page belong together (parts and their total, records and
those with data), so a hidden one may follow from its neighbours. What a reader can conclude is found by linear
programming over everything the page shows; while a hidden count has one possible value, a neighbour is hidden as well.
Such a neighbour is shown by the least it can be, which a reader could work out anyway.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Key = tuple[str, ...]
# The solver's answers are whole numbers up to this.
TOLERANCE = 1e-6
# A number that is not shown at all.
UNSAID = "\N{EN DASH}"


@dataclass(frozen=True)
class Shown:
    """How a count stands on the page: its value, or None and a text that does not give it away.

    `least` is how far a picture may draw it: a hidden count by the least it can be, a small one not at all.
    """

    value: int | None
    text: str
    least: int


@dataclass
class _Cell:
    value: int
    # Whether the page shows it; of the others, a reader knows that they can be worked out.
    on_page: bool
    # Hidden in place of a neighbour only if nothing else helps.
    keep: bool
    hidden: bool = False
    # Hidden without a word of its size, where its neighbours are all hidden and it gives them away still.
    veiled: bool = False


@dataclass
class Counts:
    """The counts of a page. Add them all with what joins them, call `hide` once, then ask `shown`."""

    minimum: int
    _cells: dict[Key, _Cell] = field(default_factory=dict)
    # whole = sum of parts
    _totals: list[tuple[Key, tuple[Key, ...]]] = field(default_factory=list)
    # the first is at most the second
    _limits: list[tuple[Key, Key]] = field(default_factory=list)
    # The least that a reader can conclude of a count that is hidden in place of a neighbour.
    _least: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, value: int, *, keep: bool = False) -> Key:
        """Add a count that the page shows; the same key twice must have the same value."""
        if key in self._cells and self._cells[key].value != value:
            raise ValueError(f"{key} is {self._cells[key].value} and {value}")
        self._cells[key] = _Cell(value, on_page=True, keep=keep)
        return key

    def total(self, whole: Key, parts: Iterable[Key]) -> None:
        """State that a count is the sum of others; where their values say otherwise, nobody can conclude from it."""
        parts = tuple(parts)
        if self._cells[whole].value == sum(self._cells[part].value for part in parts):
            self._totals.append((whole, parts))

    def same(self, one: Key, other: Key) -> None:
        """State that two counts of the page are of one thing."""
        self.total(one, [other])

    def rest(self, whole: Key, part: Key, key: Key | None = None) -> None:
        """State that a count is a part of another: the rest can be worked out, and is on the page under a key if given.

        A part that is larger than the whole is none.
        """
        rest = self._cells[whole].value - self._cells[part].value
        if rest < 0:
            return
        if key is None:
            key = ("rest", *whole, "less", *part)
            self._cells[key] = _Cell(rest, on_page=False, keep=False)
        else:
            self.add(key, rest)
        self.total(whole, [part, key])

    def limit(self, small: Key, large: Key) -> None:
        """State that a count is never above another."""
        if self._cells[small].value <= self._cells[large].value:
            self._limits.append((small, large))

    def hide(self) -> None:
        """Decide which counts are not shown."""
        for cell in self._cells.values():
            cell.hidden = self._is_small(cell)
        known: dict[frozenset[Key], dict[Key, tuple[int, int]]] = {}
        goes_on = self.minimum > 2
        while goes_on:
            goes_on = False
            for group in self._groups():
                # What can be concluded within a group depends on nothing but who is in it.
                veiled = [key for key in group if self._cells[key].veiled]
                if (name := frozenset([*group, *((*key, "veiled") for key in veiled)])) not in known:
                    known[name] = self._ranges(group, [key for key in group if self._is_small(self._cells[key])])
                revealed = next((key for key, (low, high) in known[name].items() if high <= low), None)
                if revealed is not None and self._hide_neighbour(revealed, group):
                    goes_on = True
        for group in self._groups():
            beside = [key for key in group if self._cells[key].hidden and not self._is_small(self._cells[key])]
            self._least |= {key: low for key, (low, _) in self._ranges(group, beside).items()}

    def shown(self, key: Key) -> Shown:
        """Return how a count stands on the page."""
        cell = self._cells[key]
        if not cell.hidden:
            return Shown(cell.value, f"{cell.value:,}", cell.value)
        if cell.veiled:
            return Shown(None, UNSAID, 0)
        if self._is_small(cell):
            return Shown(None, f"<{self.minimum}", 0)
        return Shown(None, f"≥{self._least[key]:,}", self._least[key])

    def value(self, key: Key) -> int | None:
        """Return a count, or None where it is hidden."""
        return self.shown(key).value

    def share(self, part: Key, whole: Key) -> str:
        """Return a count in percent of another, as closely as what is shown of them allows."""
        below = self._cells[whole]
        if below.hidden:
            return UNSAID
        if below.value == 0:
            return ""
        cell = self._cells[part]
        if cell.veiled:
            return UNSAID
        if not cell.hidden:
            percent = 100 * cell.value / below.value
            return _one_place(percent)
        if self._is_small(cell):
            highest = math.ceil(1000 * (self.minimum - 1) / below.value) / 10
            return f"≤{_one_place(min(highest, 100))}"
        return f"≥{_one_place(math.floor(1000 * self._least[part] / below.value) / 10)}"

    def __contains__(self, key: Key) -> bool:
        return key in self._cells

    def __iter__(self) -> Iterator[Key]:
        return iter(self._cells)

    def _is_small(self, cell: _Cell) -> bool:
        return 0 < cell.value < self.minimum

    def _hide_neighbour(self, key: Key, group: list[Key]) -> bool:
        """Hide the count that helps a hidden one most cheaply; False if there is none."""
        of_group = [equation for equation in self._totals if not {equation[0], *equation[1]}.isdisjoint(group)]
        of_key = [equation for equation in of_group if key in (equation[0], *equation[1])]
        for equations in (of_key, of_group):
            choices = [
                (cell.keep, neighbour == whole, cell.value, neighbour)
                for whole, parts in equations
                for neighbour in (whole, *parts)
                if (cell := self._cells[neighbour]).on_page and not cell.hidden and cell.value > 0
            ]
            if choices:
                self._cells[min(choices)[-1]].hidden = True
                return True
        hidden = [
            (neighbour == key, neighbour != whole, -cell.value, neighbour)
            for whole, parts in of_key
            for neighbour in (whole, *parts)
            if (cell := self._cells[neighbour]).hidden and not cell.veiled
        ]
        if hidden:
            self._cells[min(hidden)[-1]].veiled = True
        return bool(hidden)

    def _unknown(self, key: Key) -> bool:
        cell = self._cells[key]
        return cell.hidden or not cell.on_page

    def _groups(self) -> Iterator[list[Key]]:
        """Yield the unknown counts in groups that share no statement."""
        unknown = [key for key in self._cells if self._unknown(key)]
        place = {key: at for at, key in enumerate(unknown)}
        statements = [*((whole, *parts) for whole, parts in self._totals), *self._limits]
        pairs = [(place[key], len(unknown) + at) for at, keys in enumerate(statements) for key in keys if key in place]
        if not unknown:
            return
        size = len(unknown) + len(statements)
        rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
        _, labels = connected_components(coo_array((np.ones(len(pairs)), (rows, columns)), shape=(size, size)), False)
        groups: dict[int, list[Key]] = {}
        for key, label in zip(unknown, labels, strict=False):
            groups.setdefault(int(label), []).append(key)
        yield from groups.values()

    def _ranges(self, group: list[Key], wanted: list[Key]) -> dict[Key, tuple[int, int]]:
        """Return between which values a reader can place some unknown counts of a group."""
        if not wanted:
            return {}
        place = {key: at for at, key in enumerate(group)}
        bounds: list[tuple[float, float | None]] = []
        for key in group:
            cell = self._cells[key]
            if cell.veiled:
                bounds.append((0, None))
            elif self._is_small(cell):
                bounds.append((1, self.minimum - 1))
            else:
                bounds.append((self.minimum if cell.hidden else 0, None))
        equal = [
            self._line(place, [(whole, 1), *((part, -1) for part in parts)])
            for whole, parts in self._totals
            if not place.keys().isdisjoint((whole, *parts))
        ]
        if not equal:
            # Limits alone never leave one value.
            return {key: (int(bounds[place[key]][0]), self.minimum) for key in wanted}
        if len(group) == 1:
            return {key: (self._cells[key].value,) * 2 for key in wanted}
        below = [
            self._line(place, [(small, 1), (large, -1)])
            for small, large in self._limits
            if small in place or large in place
        ]
        found = {}
        for key in wanted:
            ends = []
            for sign in (1, -1):
                aim = np.zeros(len(group))
                aim[place[key]] = sign
                answer = linprog(
                    aim,
                    A_eq=np.array([line for line, _ in equal]),
                    b_eq=np.array([right for _, right in equal]),
                    A_ub=np.array([line for line, _ in below]) if below else None,
                    b_ub=np.array([right for _, right in below]) if below else None,
                    bounds=bounds,
                )
                # Without an end (the largest is unlimited) the range is not one value.
                ends.append(sign * answer.fun if answer.status == 0 else math.inf)
            low = math.ceil(ends[0] - TOLERANCE) if math.isfinite(ends[0]) else 0
            high = math.floor(ends[1] + TOLERANCE) if math.isfinite(ends[1]) else low + self.minimum
            found[key] = (low, high)
        return found

    def _line(self, place: dict[Key, int], terms: list[tuple[Key, int]]) -> tuple[np.ndarray, float]:
        line = np.zeros(len(place))
        right = 0.0
        for key, factor in terms:
            if key in place:
                line[place[key]] += factor
            else:
                right -= factor * self._cells[key].value
        return line, right


def _one_place(percent: float) -> str:
    """Return a percentage, never rounded up to 100 nor down to 0."""
    if 99.95 <= percent < 100:
        return ">99.9\N{NO-BREAK SPACE}%"
    if 0 < percent < 0.05:
        return "<0.1\N{NO-BREAK SPACE}%"
    return f"{percent:.1f}\N{NO-BREAK SPACE}%" if percent % 100 else f"{percent:.0f}\N{NO-BREAK SPACE}%"
