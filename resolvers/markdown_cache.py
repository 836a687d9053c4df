"""Markdown as HTML, made beside the event loop, and once for all who look at it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from engine.limits.concurrency import FairExecutor
from models.core.markdown import render

MAX_CHARACTERS = 8 * 1024 * 1024
"""Of texts and their HTML that are kept."""


class MarkdownCache:
    """A caller's texts are made one after the other, so that one who asks for many holds up nobody for longer than one takes."""

    def __init__(self, max_characters: int = MAX_CHARACTERS) -> None:
        self.executor = FairExecutor("markdown")
        self.max_characters = max_characters
        self.html_by_text: OrderedDict[str, str] = OrderedDict()
        self.characters = 0

    async def render(self, who: Hashable, text: str) -> str:
        found = self.find(text)
        if found is not None:
            return found
        async with self.executor.callers.semaphore_of(who):
            found = self.find(text)  # who asked for it at the same time had it made
            if found is None:
                found = await self.executor.submit(render, text)
                self.store(text, found)
            return found

    def find(self, text: str) -> str | None:
        if text not in self.html_by_text:
            return None
        self.html_by_text.move_to_end(text)
        return self.html_by_text[text]

    def store(self, text: str, html: str) -> None:
        if text in self.html_by_text:
            return
        self.html_by_text[text] = html
        self.characters += len(text) + len(html)
        while self.characters > self.max_characters:
            self.characters -= sum(map(len, self.html_by_text.popitem(last=False)))

    def close(self) -> None:
        self.executor.close()
