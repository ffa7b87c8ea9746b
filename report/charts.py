"""The charts, as SVG without scripts: Vega-Lite draws them, CSS variables of the page colour them.

Each is drawn twice, for wide and for narrow screens, and stands beside a table of the same numbers.
"""

from collections.abc import Callable
from typing import Any

import vl_convert
from markupsafe import Markup

from report.cells import LAST_STEP, NO_THICKNESS, THICKNESSES, cell_key
from report.relations import Built, Row
from report.suppression import Counts

Spec = dict[str, Any]
WIDE, NARROW = 640, 296
VEGA_LITE = "https://vega.github.io/schema/vega-lite/v5.json"
BAR_STEP = 26
# Bars stand in the order of the data, each with its name beside it.
BY_NAME: Spec = {
    "field": "name",
    "type": "nominal",
    "sort": None,
    "title": None,
    "axis": {"labelColor": "var(--ink)"},
}
LAST_RUNS, LAST_RUNS_NARROW = 20, 8
# The periods of LESIONS in report.relations.
PERIODS = {1: "up to 180 days", 2: "181 to 365 days", 3: "366 to 730 days", 4: "over 730 days"}
CONFIG: Spec = {
    "aria": False,
    "background": "transparent",
    # Fonts as wide as each other, so that what is measured here fits everywhere.
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink-2)",
        "titleColor": "var(--ink-2)",
        "gridColor": "var(--hair)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 130,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 8,
    },
    "title": {
        "color": "var(--ink)",
        "fontSize": 13,
        "fontWeight": 600,
        "anchor": "start",
        "frame": "group",
        "offset": 6,
    },
    "legend": {
        "labelColor": "var(--ink-2)",
        "labelFontSize": 12,
        "labelLimit": 220,
        "title": None,
        "orient": "top",
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "offset": 6,
    },
    "header": {"labelColor": "var(--ink)", "labelFontSize": 13, "labelFontWeight": 600},
    "text": {"color": "var(--ink)", "fontSize": 12},
    # A gap tells the parts of a bar apart where colour does not.
    "bar": {"stroke": "var(--paper)", "strokeWidth": 1.5},
}


def drawn(name: str, title: str, description: str, spec_of: Callable[[int], Spec]) -> Markup:
    """Return a chart as HTML: the picture for wide screens, that for narrow ones.

    Args:
        name: letters and underscores, unique on the page.
        title: what the picture shows, for those who do not see it.
        description: what it says, with no number that the page hides.
        spec_of: the chart in Vega-Lite's terms, by the width in pixels that it may take.
    """
    pictures = []
    for size, width in (("wide", WIDE), ("narrow", NARROW)):
        svg = vl_convert.vegalite_to_svg({"$schema": VEGA_LITE, "config": CONFIG, **spec_of(width)})
        label = f"chart-{name}-{size}"
        opening = Markup(
            '<svg class="chart {size}" data-chart="{name}" role="img" aria-labelledby="{label}-t {label}-d" '
        ).format(size=size, name=name, label=label)
        inside = Markup('<title id="{label}-t">{title}</title><desc id="{label}-d">{description}</desc>').format(
            label=label, title=title, description=description
        )
        attributes, _, marks = svg.removeprefix("<svg ").replace(' class="marks"', "").partition(">")
        pictures.append(f"{opening}{attributes}>{inside}{marks}")
    return Markup("".join(pictures))


def _bar(counts: Counts, key: tuple[str, ...]) -> Spec:
    """Return length and label of a bar."""
    shown = counts.shown(key)
    return {"value": shown.least, "label": shown.text}


def _bars(values: list[Spec], width: int, title: str | None = None, colour: str = "var(--c1)") -> Spec:
    """Return horizontal bars of `name`, `value` and `label`, in the order given."""
    length: Spec = {"field": "value", "type": "quantitative", "axis": None}
    if not any(value["value"] for value in values):
        length["scale"] = {"domain": [0, 1]}
    return {
        "width": width,
        "height": {"step": BAR_STEP},
        **({"title": title} if title else {}),
        "data": {"values": values},
        "encoding": {
            "y": BY_NAME,
            "x": length,
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.62}, "cornerRadiusEnd": 2},
                "encoding": {
                    "color": {
                        "condition": {"test": "datum.stands_out", "value": "var(--c2)"},
                        "value": colour,
                    }
                },
            },
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": {"field": "label"}}},
        ],
    }


def figure_3a(counts: Counts, rows: list[str]) -> Markup:
    """Studies and series by modality."""

    def spec(width: int) -> Spec:
        wide = width == WIDE
        panels = []
        for column, colour in (("studies", "var(--c1)"), ("series", "var(--c3)")):
            values = [{"name": name, **_bar(counts, cell_key("figure_3a", column, name))} for name in rows]
            panels.append(_bars(values, 220 if wide else 180, column.capitalize(), colour))
        return {"hconcat" if wide else "vconcat": panels, "spacing": 40 if wide else 20}

    return drawn(
        "figure_3a",
        "Studies and series by modality",
        f"Two sets of bars over {', '.join(rows)}, by falling number of series. The table has the numbers.",
        spec,
    )


def figure_3b(rows: list[Spec]) -> Markup:
    """Attributes by modality: those of the paper's Table 1 and further ones."""
    values = [
        {"name": row["modality"], "part": part, "order": order, "value": value}
        for row in rows
        for order, (part, value) in enumerate(
            (
                ("named by the paper's Table 1", row["paper_attributes_of_modality"]),
                ("further ones", row["attributes_of_modality"] - row["paper_attributes_of_modality"]),
            )
        )
    ]

    def spec(width: int) -> Spec:
        return {
            "width": width - 120,
            "height": {"step": BAR_STEP},
            "data": {"values": values},
            "encoding": {"y": BY_NAME},
            "layer": [
                {
                    "mark": {"type": "bar", "height": {"band": 0.62}},
                    "encoding": {
                        "x": {"field": "value", "type": "quantitative", "stack": True, "axis": None},
                        "order": {"field": "order"},
                        "color": {
                            "field": "part",
                            "sort": None,
                            "scale": {"range": ["var(--c1)", "var(--c3)"]},
                            "legend": {"direction": "horizontal" if width == WIDE else "vertical"},
                        },
                    },
                },
                {
                    "transform": [{"aggregate": [{"op": "sum", "field": "value", "as": "all"}], "groupby": ["name"]}],
                    "mark": {"type": "text", "align": "left", "dx": 5},
                    "encoding": {"x": {"field": "all", "type": "quantitative"}, "text": {"field": "all"}},
                },
            ],
        }

    return drawn(
        "figure_3b",
        "Different attributes by modality",
        "Bars of two parts, the attributes that the paper's Table 1 names and further ones. The table has the numbers.",
        spec,
    )


def linkage(built: Built, counts: Counts) -> Markup:
    """How the studies are linked to person, procedure and report, in percent."""
    names = ["tier 1 or crosswalk", "tier 2", "tier 3", "not linked"]
    values = []
    for row in built["linkage"]:
        way = next((name for name in names[1:3] if row["how"].startswith(name)), names[0])
        value = counts.shown(cell_key("linkage", "studies", row["link"], row["outcome"], row["how"])).least
        values.append(
            {
                "name": row["link"],
                "part": way if row["outcome"] == "linked" else names[3],
                "value": value,
            }
        )
    whole = counts.value(("archive_summary", "studies")) or 1

    def spec(width: int) -> Spec:
        return {
            "width": width - 90,
            "height": {"step": 40},
            "data": {"values": values},
            "transform": [
                {"calculate": f"datum.value / {whole}", "as": "share"},
                {"calculate": f"indexof({names}, datum.part)", "as": "order"},
            ],
            "mark": {"type": "bar", "height": {"band": 0.6}},
            "encoding": {
                "y": BY_NAME,
                "x": {
                    "field": "share",
                    "type": "quantitative",
                    "aggregate": "sum",
                    "title": "share of all studies",
                    "axis": {"format": ".0%", "tickCount": 4},
                    "scale": {"domain": [0, 1]},
                },
                "order": {"field": "order"},
                "color": {
                    "field": "part",
                    "scale": {"domain": names, "range": ["var(--c1)", "var(--c3)", "var(--c2)", "var(--fail)"]},
                    "legend": {"columns": 4 if width == WIDE else 2},
                },
            },
        }

    return drawn(
        "linkage",
        "How studies are linked to person, procedure and report",
        "One bar per link, parted by tier, the studies that are not linked last. The table has the numbers.",
        spec,
    )


def low_dose(counts: Counts, steps: list[int]) -> Markup:
    """Low-dose CT series by their number of instances, without localizers."""
    values = [
        {
            "name": step_label(step),
            "stands_out": step > 150,
            **(
                _bar(counts, key)
                if (key := cell_key("low_dose_ct_by_instances", "series", step)) in counts
                else {"value": 0, "label": "0"}
            ),
        }
        for step in range(1, max(steps) + 1, 50)
    ]
    return drawn(
        "low_dose",
        "Low-dose CT series by number of instances",
        "A bar per step of 50 instances; those of more than 150 stand out. The table has the numbers.",
        lambda width: _bars(values, width - 140),
    )


def step_label(step: int) -> str:
    """Return a step of low_dose_ct_by_instances as text."""
    return f"{step:,} or more" if step == LAST_STEP else f"{step:,} to {step + 49:,}"


def thickness_rows() -> list[str]:
    """Return the bins of slice thickness, in order."""
    return [*(label for label, _ in THICKNESSES), NO_THICKNESS]


def thickness(counts: Counts, ages: list[str]) -> Markup:
    """Enhanced T1-weighted series by slice thickness and age at diagnosis."""
    values = []
    for label in thickness_rows():
        for age in ages:
            key = cell_key("enhanced_t1_by_thickness", "series", label, age)
            if key in counts:
                shown = counts.shown(key)
                values.append({"thickness": label, "age": age_label(age), "value": shown.least, "label": shown.text})

    def spec(width: int) -> Spec:
        wide = width == WIDE
        return {
            "width": width - 110,
            "height": {"step": 44},
            "data": {"values": values},
            "encoding": {
                "y": {"field": "age", "type": "nominal", "sort": None, "title": "age at diagnosis"},
                "x": {
                    "field": "thickness",
                    "type": "nominal",
                    "sort": thickness_rows(),
                    "title": "slice thickness in mm",
                    "axis": {"orient": "top", "labelAngle": 0 if wide else -40, "labelOverlap": False},
                },
            },
            "layer": [
                {
                    "transform": [{"filter": "datum.value > 0"}],
                    "mark": {"type": "circle", "color": "var(--c3)", "opacity": 0.55},
                    "encoding": {
                        "size": {
                            "field": "value",
                            "type": "quantitative",
                            "scale": {"range": [0, 1400], "zero": True},
                            "legend": None,
                        }
                    },
                },
                {"mark": {"type": "text"}, "encoding": {"text": {"field": "label"}}},
            ],
        }

    return drawn(
        "thickness",
        "Enhanced T1-weighted series by slice thickness and age at diagnosis",
        "A circle per thickness and ten years of age, the larger the more series. The table has the numbers.",
        spec,
    )


def age_label(age: str) -> str:
    """Return ten years of age as text."""
    return f"{age} to {int(age) + 9}" if age else "unknown"


def lesions(counts: Counts, rows: list[Row]) -> Markup:
    """How lesions changed since their first study, in percent of the comparisons, by time since then."""
    parts = ["smaller", "unchanged", "larger"]
    values = [
        {
            "name": PERIODS[row["period"]],
            "measure": row["measure"],
            "part": part,
            "order": order,
            "value": counts.shown(cell_key("lesion_over_time", part, row["measure"], row["period"])).least,
        }
        for row in rows
        for order, part in enumerate(parts)
    ]

    def spec(width: int) -> Spec:
        wide = width == WIDE
        return {
            "data": {"values": values},
            "facet": {"field": "measure", "type": "nominal", "sort": None, "title": None},
            "columns": 2 if wide else 1,
            "spec": {
                "width": 190 if wide else 160,
                "height": {"step": BAR_STEP + 4},
                "mark": {"type": "bar", "height": {"band": 0.62}},
                "encoding": {
                    "y": {
                        "field": "name",
                        "type": "nominal",
                        "sort": list(PERIODS.values()),
                        "title": None,
                        "axis": {"labelColor": "var(--ink)"},
                    },
                    "x": {
                        "field": "value",
                        "type": "quantitative",
                        "title": "comparisons",
                        "axis": {"tickMinStep": 1, "tickCount": 3, "format": "d"},
                    },
                    "order": {"field": "order"},
                    "color": {
                        "field": "part",
                        "scale": {"domain": parts, "range": ["var(--c1)", "var(--c3)", "var(--c2)"]},
                    },
                },
            },
        }

    return drawn(
        "lesions",
        "How lesions changed since their first study",
        "Bars by time since the first study, parted into smaller, unchanged and larger. The table has the numbers.",
        spec,
    )


def failing_rules(runs: list[Spec]) -> Markup:
    """How many rules fail in each of the last runs."""
    names = ["evidence", "invariants"]

    def spec(width: int) -> Spec:
        shown = list(enumerate(runs, 1))[-(LAST_RUNS if width == WIDE else LAST_RUNS_NARROW) :]
        return {
            "width": {"step": 22},
            "height": 130,
            "data": {
                "values": [{"run": place, "part": part, "value": run[part]} for place, run in shown for part in names]
            },
            "mark": {"type": "bar", "width": {"band": 0.7}},
            "encoding": {
                "x": {
                    "field": "run",
                    "type": "ordinal",
                    "title": "run",
                    "axis": {"labelAngle": 0, "labelOverlap": True},
                },
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "stack": True,
                    "title": "failing rules",
                    "axis": {"tickMinStep": 1, "format": "d", "tickCount": 4},
                    "scale": {"domain": [0, max(1, *(run["evidence"] + run["invariants"] for _, run in shown))]},
                },
                "color": {
                    "field": "part",
                    "scale": {"domain": names, "range": ["var(--c2)", "var(--fail)"]},
                    "legend": {"orient": "right"} if width == WIDE else {"direction": "vertical"},
                },
            },
        }

    return drawn(
        "failing_rules",
        "Failing rules by run",
        "A bar per run, parted into rules of evidence and invariants. The table has the numbers.",
        spec,
    )
