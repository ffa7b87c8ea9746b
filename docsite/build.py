"""Builds the pages into a folder that can be copied anywhere: no script of ours, no network, one style sheet."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from docsite import texts
from docsite.er_diagram import er_diagram
from docsite.facts import TABLES, Facts

HERE = Path(__file__).parent
PICTURES = "docs/pictures"
DBT_DOCS = "dbt.html"
LINEAGE = "lineage/index.html"
QUERIES = "queries.html"


def build(project: Path, target: Path, folder: Path) -> Path:
    """Write all pages into `folder` and return the start page.

    `target` holds what `dbt docs generate --static` wrote. Raises FileNotFoundError where it did not run, and
    subprocess.CalledProcessError where the column lineage cannot be made.
    """
    facts = Facts(target / "manifest.json", project)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project / PICTURES, folder / "pictures")
    shutil.copy(HERE / "style.css", folder)
    _copy_dbt_docs(target, folder)
    _draw_lineage(target, folder)
    _write_pages(facts, folder, os.path.relpath(target / "report.html", folder) if _has_report(target) else "")
    return folder / "index.html"


def dbt_page(unique_id: str) -> str:
    """The page of a model, seed or source in the dbt docs."""
    return f"{DBT_DOCS}#!/{unique_id.split('.')[0]}/{unique_id}"


def _has_report(target: Path) -> bool:
    return (target / "report.html").exists()


def _copy_dbt_docs(target: Path, folder: Path) -> None:
    page = (target / "static_index.html").read_text(encoding="utf-8")
    # dbt puts pictures beside its page by their path in the project; here they lie beside ours.
    page = page.replace(f"]({PICTURES}/", "](pictures/")
    # The folder is to be shared: where the project lies on this machine is nobody's matter.
    project = re.escape(str(target.resolve().parent))
    page = re.sub(f'("root_path": ?)"{project}"', r'\1""', page)
    (folder / DBT_DOCS).write_text(page, encoding="utf-8")


def _draw_lineage(target: Path, folder: Path) -> None:
    page = folder / LINEAGE
    files = ["--manifest", str(target / "manifest.json"), "--catalog", str(target / "catalog.json")]
    colibri = str(Path(sys.executable).with_name("colibri"))
    command = [colibri, "generate", "--light", *files, "--output-dir", str(page.parent)]
    # Two switches: the page would send usage figures, the command asks for a newer version of itself.
    environment = os.environ | {"DO_NOT_TRACK": "1", "DBT_COLIBRI_NO_VERSION_CHECK": "1"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    # The same as JSON, for machines: the page does not read it.
    (page.parent / "colibri-manifest.json").unlink()


def _write_pages(facts: Facts, folder: Path, report: str) -> None:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = lambda text: Markup(texts.inline(text))
    environment.filters["block"] = lambda text: Markup(texts.block(text))
    environment.globals.update(dbt_page=dbt_page, tables=facts.tables(), rules=facts.rules(), lineage=LINEAGE)

    def write(name: str, template: str, **values: Any) -> None:
        html = environment.get_template(template).render(page=name, **values)
        (folder / name).write_text(html, encoding="utf-8")

    def picture(name: str) -> Markup:
        # Inline, a picture takes the colours of the page, dark ones included.
        return Markup((folder / "pictures" / f"{name}.svg").read_text(encoding="utf-8"))

    for table in facts.tables():
        seed, attributes = facts.attributes(table.name)
        examples = facts.examples(table.name)
        write(f"{table.name}.html", "table.html", table=table, examples=examples, attributes=len(attributes))
        if attributes:
            page = f"{table.name}_attributes.html"
            write(page, "attributes.html", table=table.name, seed=seed, attributes=attributes)
    write("rules.html", "rules.html")
    drawn = facts.diagram_tables()
    page_of = {t.name: f"{t.name}.html" if t.name in TABLES else dbt_page(t.unique_id) for t in drawn}
    write("diagram.html", "diagram.html", svg=Markup(er_diagram(drawn, page_of)), drawn=drawn, page_of=page_of)
    documents = _documents(facts)
    pages = _page_of_file(facts, documents)
    decisions = []
    for path, name in documents.items():
        title, html = texts.page(facts.project / path, facts.project, pages)
        queries = _queries(facts.project) if name == QUERIES else []
        write(name, "text.html", title=title, html=Markup(html), queries=queries)
        if path.startswith("docs/decisions/"):
            decisions.append({"page": name, "title": title})
    write("index.html", "index.html", picture=picture, report=report, decisions=decisions)


def _documents(facts: Facts) -> dict[str, str]:
    """The Markdown files that have a page, and its name: those of the root, of docs/ and of the example queries."""
    paths = sorted([*facts.project.glob("*.md"), *(facts.project / "docs").rglob("*.md")])
    relative = [path.relative_to(facts.project).as_posix() for path in paths]
    names = {path: path.lower().removeprefix("docs/").replace("/", "_").replace(".md", ".html") for path in relative}
    return names | {"queries/README.md": QUERIES}


def _queries(project: Path) -> list[Path]:
    return sorted((project / "queries").glob("*.sql"))


def _page_of_file(facts: Facts, documents: dict[str, str]) -> dict[str, str]:
    nodes = {
        node["original_file_path"]: dbt_page(node["unique_id"])
        for node in facts.nodes.values()
        if node["resource_type"] in ("model", "seed")
    }
    pictures = {f"{PICTURES}/{p.name}": f"pictures/{p.name}" for p in (facts.project / PICTURES).iterdir()}
    queries = {f"queries/{path.name}": f"{QUERIES}#{path.stem}" for path in _queries(facts.project)}
    return nodes | documents | pictures | queries
