"""Renders Markdown in a worker thread, and caches the HTML for all viewers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from engine.limits.concurrency import FairExecutor
from models.core.markdown import render

MAX_CACHED_CHARS = 8 * 1024 * 1024
"""The maximum of all characters in the cached texts and their HTML."""


class MarkdownCache:
    """Caches the HTML that was used last. Renders one text per caller at a time.

    A caller with many texts therefore delays others by at most the time for one text.
    """

    def __init__(self, max_chars: int = MAX_CACHED_CHARS) -> None:
        self.executor = FairExecutor("markdown")
        self.max_chars = max_chars
        self.html_by_text: OrderedDict[str, str] = OrderedDict()
        """HTML by Markdown, the least recently used first."""
        self.cached_chars = 0

    async def render(self, caller: Hashable, text: str) -> str:
        html = self.find(text)
        if html is not None:
            return html
        async with self.executor.caller_limit.semaphore_of(caller):
            html = self.find(text)  # another request may have rendered it in the meantime
            if html is None:
                html = await self.executor.submit(render, text)
                self.store(text, html)
            return html

    def find(self, text: str) -> str | None:
        if text not in self.html_by_text:
            return None
        self.html_by_text.move_to_end(text)
        return self.html_by_text[text]

    def store(self, text: str, html: str) -> None:
        if text in self.html_by_text:
            return
        self.html_by_text[text] = html
        self.cached_chars += len(text) + len(html)
        while self.cached_chars > self.max_chars:
            oldest_text, oldest_html = self.html_by_text.popitem(last=False)
            self.cached_chars -= len(oldest_text) + len(oldest_html)

    def close(self) -> None:
        self.executor.close()
