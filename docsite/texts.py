"""Markdown of the repository as pages: links between files become links between pages."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def inline(text: str) -> str:
    """One paragraph of Markdown, as a description in dbt is, as HTML without the paragraph around it."""
    return str(_MARKDOWN.renderInline(text))


def block(text: str) -> str:
    """Paragraphs and tables of Markdown as HTML; raw HTML is shown, not taken."""
    return str(_MARKDOWN.render(text))


def page(path: Path, project: Path, pages: dict[str, str]) -> tuple[str, str]:
    """Title and HTML of a Markdown file.

    `pages` maps a file of the repository (relative, with slashes) to its page. A link to a file that has none becomes
    plain text, since the pages travel without the repository.
    """
    tokens = _MARKDOWN.parse(path.read_text(encoding="utf-8"))
    folder = PurePosixPath(path.relative_to(project).parent.as_posix())
    title = ""
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[number + 1].content
            token.attrSet("id", slug(text))
            title = title or text
        if token.children:
            token.children = _linked(token.children, folder, pages)
    html = str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
    table = '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>'
    return title, html.replace("<table>", table).replace("</table>", "</table></div>")


def slug(heading: str) -> str:
    """The anchor that hosts of Markdown give a heading, so that links to a part of a file work in both places."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


def _linked(tokens: list[Token], folder: PurePosixPath, pages: dict[str, str]) -> list[Token]:
    kept: list[Token] = []
    dropped = False
    for token in tokens:
        attribute = {"link_open": "href", "image": "src"}.get(token.type)
        if attribute:
            target = _target(str(token.attrGet(attribute)), folder, pages)
            dropped = token.type == "link_open" and target is None
            token.attrSet(attribute, target or "")
        if not (dropped and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            dropped = False
    return kept


def _target(link: str, folder: PurePosixPath, pages: dict[str, str]) -> str | None:
    file, fragment = urldefrag(link)
    if not file or "://" in file:
        return link
    parts: list[str] = []
    for part in (folder / file).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    found = pages.get("/".join(parts))
    return f"{found}#{fragment}" if found and fragment and "#" not in found else found
