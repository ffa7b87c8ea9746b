"""Small counts stay hidden: by every reading of a page that agrees with what it shows, each could be another number."""

from itertools import chain, product

from hypothesis import given, settings
from hypothesis import strategies as st

from report.suppression import UNSAID, Counts, Key

MINIMUM = 5
WHOLE: Key = ("whole",)


def shown(counts: Counts, *keys: Key) -> list[str]:
    return [counts.shown(key).text for key in keys]


def filled(parts: list[int]) -> tuple[Counts, list[Key]]:
    counts = Counts(MINIMUM)
    keys = [counts.add(("part", str(place)), value) for place, value in enumerate(parts)]
    counts.add(WHOLE, sum(parts), keep=True)
    counts.total(WHOLE, keys)
    counts.hide()
    return counts, keys


def possible(text: str, most: int) -> range:
    """The numbers that a text may stand for, to who knows the rule."""
    if text == f"<{MINIMUM}":
        return range(1, MINIMUM)
    if text == UNSAID:
        return range(most + 1)
    if text.startswith("≥"):
        return range(max(int(text[1:].replace(",", "")), MINIMUM), most + 1)
    return range(int(text.replace(",", "")), int(text.replace(",", "")) + 1)


def test_the_other_part_of_a_total_is_hidden_with_a_small_one() -> None:
    counts, keys = filled([3, 97])
    assert shown(counts, WHOLE, *keys) == ["100", "<5", "≥96"]


def test_zero_and_the_smallest_count_to_show_are_shown() -> None:
    counts, keys = filled([0, 5, 95])
    assert shown(counts, WHOLE, *keys) == ["100", "0", "5", "95"]


def test_two_small_parts_that_add_up_to_what_only_two_ones_can_are_not_left_alone() -> None:
    counts, keys = filled([1, 1, 50])
    assert shown(counts, *keys) == ["<5", "<5", "≥44"]


def test_records_without_data_are_not_the_difference_of_two_columns() -> None:
    counts = Counts(MINIMUM)
    counts.add(("records",), 1188, keep=True)
    counts.add(("filled",), 1187)
    counts.rest(("records",), ("filled",))
    counts.hide()
    assert shown(counts, ("records",), ("filled",)) == ["1,188", "≥1,184"]
    assert counts.share(("filled",), ("records",)) == "≥99.6\N{NO-BREAK SPACE}%"


def test_a_chain_of_steps_does_not_lead_back_to_the_small_one() -> None:
    counts = Counts(MINIMUM)
    for place, value in enumerate((238, 237, 206)):
        counts.add(("step", str(place)), value)
    counts.rest(("step", "0"), ("step", "1"), ("left", "1"))
    counts.rest(("step", "1"), ("step", "2"), ("left", "2"))
    counts.hide()
    texts = shown(counts, ("step", "0"), ("left", "1"), ("step", "1"), ("left", "2"), ("step", "2"))
    assert texts[1] == "<5"
    ranges = [possible(text, 260) for text in texts]
    readings = {
        left for first, left, second, out, last in product(*ranges) if first == second + left and second == last + out
    }
    assert len(readings) > 1


def test_nothing_is_hidden_without_a_smallest_count() -> None:
    counts = Counts(0)
    counts.add(("one",), 1)
    counts.add(("two",), 2)
    counts.total(("two",), [("one",), ("one",)])
    counts.hide()
    assert shown(counts, ("one",), ("two",)) == ["1", "2"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=4))
def test_no_small_part_follows_from_the_others_and_the_total(parts: list[int]) -> None:
    counts, keys = filled(parts)
    most = sum(parts) + MINIMUM
    wholes = possible(counts.shown(WHOLE).text, most)
    readings = [
        reading
        for reading in product(*(possible(text, most) for text in shown(counts, *keys)))
        if sum(reading) in wholes
    ]
    assert tuple(parts) in readings
    for place, value in enumerate(parts):
        if 0 < value < MINIMUM:
            assert len({reading[place] for reading in readings}) > 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 8), min_size=2, max_size=2), min_size=2, max_size=2))
def test_no_cell_of_a_table_follows_from_its_margins(table: list[list[int]]) -> None:
    counts = Counts(MINIMUM)
    for row, values in enumerate(table):
        for column, value in enumerate(values):
            counts.add(("cell", str(row), str(column)), value)
        counts.add(("row", str(row)), sum(values))
        counts.total(("row", str(row)), [("cell", str(row), str(column)) for column in range(2)])
    for column in range(2):
        counts.add(("column", str(column)), sum(values[column] for values in table))
        counts.total(("column", str(column)), [("cell", str(row), str(column)) for row in range(2)])
    counts.hide()
    cells: list[Key] = [("cell", str(row), str(column)) for row in range(2) for column in range(2)]
    most = sum(map(sum, table)) + MINIMUM
    margins = [counts.shown((kind, str(at))).text for kind in ("row", "column") for at in range(2)]
    sums = [possible(text, 2 * most) for text in margins]
    readings = [
        (a, b, c, d)
        for a, b, c, d in product(*(possible(text, most) for text in shown(counts, *cells)))
        if a + b in sums[0] and c + d in sums[1] and a + c in sums[2] and b + d in sums[3]
    ]
    for place, value in enumerate(chain(*table)):
        if 0 < value < MINIMUM:
            assert len({reading[place] for reading in readings}) > 1
