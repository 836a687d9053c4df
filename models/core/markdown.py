"""Renders Markdown as safe HTML: CommonMark with tables and strikethrough, then sanitised.

Raw HTML in the Markdown is shown as text.
"""

from __future__ import annotations

import asyncio
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from models.core.text import MAX_BODY_CHARS


def align_cells(state: StateCore) -> None:
    """Align cells with an attribute, because the content security policy blocks styles."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if style is not None:
            token.attrs["align"] = str(style).removeprefix("text-align:")


def build_parser(*rules: str) -> MarkdownIt:
    """A parser with strikethrough and further `rules` of markdown-it. Line breaks are kept."""
    options = {"html": False, "breaks": True, "maxNesting": 30}
    parser = MarkdownIt("commonmark", options)
    parser.core.ruler.push("align", align_cells)
    return parser.enable(["strikethrough", *rules]).disable("image")


PARSER = build_parser("table")
PARSER_WITHOUT_TABLES = build_parser()
ALLOWED_TAGS = {
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
ALLOWED_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}
MAX_TABLE_CELLS = 5000
"""The parser fills each row up to the width of the header, so a short text can make many cells."""
BLANK_LINE_CHARACTERS = " \t>"
"""The characters of an empty line, which may be in a quote."""
DELIMITER_ROW_CHARACTERS = " \t|:->*+.)0123456789"
"""The characters of a table's delimiter row, with the markers of quotes and lists before it."""
MAX_HTML_CHARS = 4 * MAX_BODY_CHARS


async def to_html(text: str) -> str:
    """`render` in a worker thread, because some texts take the parser a second."""
    return await asyncio.to_thread(render, text)


def render(text: str) -> str:
    """Render and sanitise: no scripts, images, frames or styles. Links are http, https or mailto.

    A text whose HTML is too long is shown as it was written. So are the tables of a text that may
    have too many cells.
    """
    parser = PARSER if count_table_cells(text) <= MAX_TABLE_CELLS else PARSER_WITHOUT_TABLES
    html = parser.render(text)
    if len(html) > MAX_HTML_CHARS:
        return f"<pre>{escape(text, quote=False)}</pre>\n"
    return nh3.clean(
        html,
        tags=ALLOWED_TAGS,
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def count_table_cells(text: str) -> int:
    """An upper bound for the number of table cells in a text.

    A table is at most as wide as its delimiter row, and ends at an empty line.
    """
    total = columns = lines = 0
    for line in [*text.splitlines(), ""]:
        if not line.strip(BLANK_LINE_CHARACTERS):
            total += columns * lines
            columns = lines = 0
            continue
        lines += 1
        if is_delimiter_row(line):
            columns = max(columns, sum("-" in cell for cell in line.split("|")))
    return total


def is_delimiter_row(line: str) -> bool:
    if "-" not in line or not ("|" in line or ":" in line):
        return False
    return not line.strip(DELIMITER_ROW_CHARACTERS)
