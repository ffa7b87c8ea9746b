"""The pages of `make docs` say what the project's YAML and seeds say, lead nowhere into the void, and load nothing."""

import csv
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml

from docsite.build import DBT_DOCS, LINEAGE, build
from docsite.facts import TABLES

PROJECT = Path(__file__).parents[2]


class Page(HTMLParser):
    """What a page links to, loads and can be jumped to, and the rows of its tables as text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.rows: list[list[str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values["id"]} if "id" in values else set()
        if tag == "a":
            self.links += [values[name] for name in ("href", "xlink:href") if name in values]
        else:
            self.loads += [values[name] for name in ("href", "src", "xlink:href", "data") if name in values]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag == "br":
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@dataclass(frozen=True)
class Site:
    """The built pages, and the manifest they are made of."""

    folder: Path
    manifest: dict[str, Any]

    def pages(self) -> list[Path]:
        """Our own pages: not dbt's, and not the lineage's."""
        return [page for page in sorted(self.folder.glob("*.html")) if page.name != DBT_DOCS]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Site:
    target = tmp_path_factory.mktemp("target")
    places = f"--project-dir {PROJECT} --profiles-dir {profiles_directory} --target-path {target} --log-path {target}"
    command = ["dbt", "docs", "generate", "--static", "--empty-catalog", "--quiet", *places.split()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    start = build(PROJECT, target, target / "docs")
    assert start == target / "docs" / "index.html"
    return Site(target / "docs", json.loads((target / "manifest.json").read_text()))


def columns_in_yaml(table: str) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = yaml.safe_load((PROJECT / f"models/icdm/{table}.yml").read_text())["models"][0][
        "columns"
    ]
    return columns


def is_mandatory(column: dict[str, Any]) -> bool:
    return {"type": "not_null"} in column.get("constraints", []) or "not_null" in column.get("data_tests", [])


@pytest.mark.parametrize("table", TABLES)
def test_a_table_page_tells_which_columns_are_mandatory(site: Site, table: str) -> None:
    rows = [row for row in Page(site.folder / f"{table}.html").rows if row[0] != "Column"]
    columns = columns_in_yaml(table)
    assert [row[0].split()[0] for row in rows] == [column["name"] for column in columns]
    assert [row[1].startswith("yes") for row in rows] == [is_mandatory(column) for column in columns]
    assert all(meaning.strip() and example.strip() for _, _, meaning, _, example in rows)


def test_examples_are_of_the_columns_that_exist() -> None:
    with (PROJECT / "docs/column_examples.csv").open(newline="") as file:
        examples = [(row["cdm_table"], row["column_name"]) for row in csv.DictReader(file)]
    assert examples == [(table, column["name"]) for table in TABLES for column in columns_in_yaml(table)]


def test_a_column_shows_the_attributes_that_its_description_names(site: Site) -> None:
    row = next(row for row in Page(site.folder / "imaging_study.html").rows if row[0].startswith("study_datetime"))
    assert "StudyDate (0008,0020)" in row[3] and "StudyTime (0008,0030)" in row[3]


def test_every_rule_leads_to_its_page(site: Site) -> None:
    with (PROJECT / "seeds/quality/dq_rule.csv").open(newline="") as file:
        rules = {row["rule_id"] for row in csv.DictReader(file)}
    linked = [link.rpartition("/")[2] for link in Page(site.folder / "rules.html").links if "model.icdm.dq_" in link]
    assert {site.manifest["nodes"][node]["config"]["meta"]["rule_id"] for node in linked} == rules
    assert len(linked) == len(rules)


def test_the_diagram_shows_every_relation_that_is_tested(site: Site) -> None:
    tested = []
    for path in [*(PROJECT / "models/icdm").glob("*.yml"), PROJECT / "models/linkage/_linkage__models.yml"]:
        for model in yaml.safe_load(path.read_text()).get("models", []):
            for column in model["columns"]:
                tests = [test for test in column.get("data_tests", []) if "relationships" in test]
                tested += [(model["name"], column["name"], t["relationships"]["arguments"]["field"]) for t in tests]
    html = (site.folder / "diagram.html").read_text()
    in_words = re.findall(r"<code>(\w+)</code> points to <a [^>]*><code>\w+\.(\w+)</code>", html)
    assert sorted(in_words) == sorted((column, field) for _, column, field in tested)
    assert html.count('class="edge"') == len(tested) > 10


def test_no_link_is_dead_and_nothing_is_loaded_from_outside(site: Site) -> None:
    known = set(site.manifest["nodes"]) | set(site.manifest["sources"])
    ids = {page.name: Page(page).ids for page in site.pages()}
    for page in site.pages():
        parsed = Page(page)
        assert not [url for url in parsed.loads if "://" in url], page.name
        for link in [*parsed.links, *(url for url in parsed.loads if not url.startswith("data:"))]:
            path, fragment = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            place = unquote(urlsplit(path).path) or page.name
            assert (page.parent / place).exists(), f"{page.name}: {link}"
            if place == DBT_DOCS and fragment:
                assert fragment.rpartition("/")[2] in known, f"{page.name}: {link}"
            elif fragment:
                assert fragment in ids[place], f"{page.name}: {link}"
    # Pages are found from the start page.
    reached = {urlsplit(link).path for page in site.pages() for link in Page(page).links}
    assert {page.name for page in site.pages()} <= reached


def test_links_between_files_of_the_repository_hold() -> None:
    for file in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", file.read_text()):
            assert (file.parent / link).exists(), f"{file.name}: {link}"


def test_the_overview_shows_its_pictures(site: Site) -> None:
    pictures = re.findall(r"\]\((pictures/\w+\.svg)\)", (site.folder / DBT_DOCS).read_text(encoding="utf-8"))
    assert len(pictures) == 2
    assert all((site.folder / picture).exists() for picture in pictures)


@dataclass(frozen=True)
class Visit:
    """What a real browser made of a page: the document, its messages, and which hosts it asked for."""

    document: str
    messages: list[str]
    hosts: set[str]


@pytest.fixture
def visit(tmp_path: Path) -> Any:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        pytest.fail("no Chromium here: apt-get install chromium, as .ci/run does")

    def visited(url: str) -> Visit:
        log = tmp_path / "net.json"
        options = (
            "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync "
            f"--disable-component-update --enable-logging=stderr --user-data-dir={tmp_path / 'profile'} "
            f"--virtual-time-budget=10000 --log-net-log={log} --window-size=1200,900 --dump-dom"
        )
        command = [browser, *options.split(), "--host-resolver-rules=MAP * ~NOTFOUND", url]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        messages = re.findall(r"CONSOLE[^\"]*\"(.*)", result.stderr)
        asked = {urlsplit(found).hostname or "" for found in re.findall(r'"url":"(https?://[^"]+)"', log.read_text())}
        # The browser's own calls, of whatever page: its clock, its updates, its account.
        return Visit(result.stdout, messages, {h for h in asked if not h.endswith((".google.com", ".googleapis.com"))})

    return visited


def test_the_diagram_is_drawn_in_a_browser(site: Site, visit: Any) -> None:
    script = """<script>
    const box = (element) => element.getBoundingClientRect();
    const measured = (node) => {
        const [outer, texts] = [box(node.querySelector("polygon")), [...node.querySelectorAll("text")]];
        const fits = texts.every((text) => box(text).left >= outer.left && box(text).right <= outer.right);
        return {name: texts[0].textContent, width: outer.width, fits: fits};
    };
    const nodes = [...document.querySelectorAll(".er .node")];
    document.documentElement.dataset.nodes = JSON.stringify(nodes.map(measured));
    </script>"""
    page = site.folder / "measured.html"
    page.write_text((site.folder / "diagram.html").read_text().replace("</body>", f"{script}</body>"))
    seen = visit(page.as_uri())
    page.unlink()
    nodes = json.loads(re.search(r'data-nodes="([^"]*)"', seen.document)[1].replace("&quot;", '"'))  # type: ignore[index]
    assert {*TABLES, "study_procedure", "study_note", "person (OMOP CDM)"} <= {node["name"] for node in nodes}
    assert all(node["width"] > 50 and node["fits"] for node in nodes)
    assert seen.messages == [] and seen.hosts == set()


@pytest.mark.parametrize("page", ["index.html", "imaging_series.html", f"{LINEAGE}?model=model.icdm.imaging_study"])
def test_a_page_asks_the_network_for_nothing_and_reports_no_error(site: Site, visit: Any, page: str) -> None:
    seen = visit(f"{site.folder.as_uri()}/{page}")
    assert "imaging_study" in seen.document
    assert seen.hosts == set()
    # The lineage page says in the console that its telemetry is off.
    assert [message for message in seen.messages if not message.startswith(("Colibri: anonymous", "📦"))] == []
