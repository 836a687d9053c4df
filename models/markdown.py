"""Markdown to safe HTML: CommonMark with tables and strikethrough, raw HTML shown as text, then sanitised."""

from __future__ import annotations

import asyncio
from html import escape

import nh3
from markdown_it import MarkdownIt

from models.text import BODY

RENDERER = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 30})
    .enable(["table", "strikethrough"])
    .disable("image")
)
TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


MOST = 4
"""How many times as long as the longest body its HTML may be: a table of few bytes can have half a million cells."""


async def to_html(text: str) -> str:
    """`rendered`, beside the event loop, for there are texts that take the parser a second and a half."""
    return await asyncio.to_thread(rendered, text)


def rendered(text: str) -> str:
    """Rendered and sanitised: no scripts, styles, images or frames; links open no other scheme than http(s) and mailto.

    What would become far longer than it is written is shown as it is written.
    """
    html = RENDERER.render(text)
    if len(html) > MOST * BODY:
        return f"<pre>{escape(text, quote=False)}</pre>\n"
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}, "td": {"style"}, "th": {"style"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
    )
