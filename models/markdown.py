"""Markdown to safe HTML: CommonMark with tables and strikethrough, raw HTML shown as text, then sanitised."""

from __future__ import annotations

import asyncio

import nh3
from markdown_it import MarkdownIt

RENDERER = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 30})
    .enable(["table", "strikethrough"])
    .disable("image")
)
TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


LONG = 4096


async def to_html(text: str) -> str:
    """`rendered`, beside the event loop where the text is long: 64 KiB made for it take the parser a second."""
    return rendered(text) if len(text) < LONG else await asyncio.to_thread(rendered, text)


def rendered(text: str) -> str:
    """Rendered and sanitised: no scripts, styles, images or frames; links open no other scheme than http(s) and mailto."""
    return nh3.clean(
        RENDERER.render(text),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}, "td": {"style"}, "th": {"style"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
    )
