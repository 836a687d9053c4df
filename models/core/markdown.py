"""Markdown to safe HTML: CommonMark with tables and strikethrough, raw HTML shown as text, then sanitised."""

from __future__ import annotations

import asyncio
from html import escape

import nh3
from markdown_it import MarkdownIt

from models.core.text import MAX_BODY_CHARS


def parser(*rules: str) -> MarkdownIt:
    options = {"html": False, "breaks": True, "maxNesting": 30}
    return MarkdownIt("commonmark", options).enable(["strikethrough", *rules]).disable("image")


RENDERER, WITHOUT_TABLES = parser("table"), parser()
TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


MAX_TABLE_CELLS = 5000
"""Of a table. Short rows are filled up to as many cells as the first one has, so that few letters could make very many."""
AROUND = " \t>"
DASHES = " \t|:->*+.)0123456789"
"""What a row of dashes is made of, and what may stand before it in quotes and lists."""
MAX_HTML_CHARS = 4 * MAX_BODY_CHARS
"""Letters of HTML."""


async def to_html(text: str) -> str:
    """`rendered`, beside the event loop, for there are texts that take the parser a second."""
    return await asyncio.to_thread(render, text)


def render(text: str) -> str:
    """Rendered and sanitised: no scripts, styles, images or frames; links open no other scheme than http(s) and mailto.

    What would become far longer than it is written is shown as it is written, and so are huge tables.
    """
    html = (RENDERER if count_table_cells(text) <= MAX_TABLE_CELLS else WITHOUT_TABLES).render(text)
    if len(html) > MAX_HTML_CHARS:
        return f"<pre>{escape(text, quote=False)}</pre>\n"
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}, "td": {"style"}, "th": {"style"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
    )


def count_table_cells(text: str) -> int:
    """How many cells the tables in a text may have at most: each is as wide as its row of dashes, and ends at an empty line."""
    found = columns = lines = 0
    for line in [*text.splitlines(), ""]:
        if not line.strip(AROUND):
            found += columns * lines
            columns = lines = 0
            continue
        lines += 1
        if "-" in line and ("|" in line or ":" in line) and not line.strip(DASHES):
            columns = max(columns, sum("-" in cell for cell in line.split("|")))
    return found
