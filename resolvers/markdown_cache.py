"""Markdown as HTML, made beside the event loop, and once for all who look at it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from engine.limits.concurrency import FairExecutor
from models.core.markdown import rendered

MOST_LETTERS = 8 * 1024 * 1024
"""Of texts and their HTML that are kept."""


class MarkdownCache:
    """A caller's texts are made one after the other, so that one who asks for many holds up nobody for longer than one takes."""

    def __init__(self, most: int = MOST_LETTERS) -> None:
        self.executor = FairExecutor("markdown")
        self.most = most
        self.kept: OrderedDict[str, str] = OrderedDict()
        self.letters = 0

    async def html(self, who: Hashable, text: str) -> str:
        found = self.known(text)
        if found is not None:
            return found
        async with self.executor.callers.semaphore_of(who):
            found = self.known(text)  # who asked for it at the same time had it made
            if found is None:
                found = await self.executor.submit(rendered, text)
                self.keep(text, found)
            return found

    def known(self, text: str) -> str | None:
        if text not in self.kept:
            return None
        self.kept.move_to_end(text)
        return self.kept[text]

    def keep(self, text: str, html: str) -> None:
        if text in self.kept:
            return
        self.kept[text] = html
        self.letters += len(text) + len(html)
        while self.letters > self.most:
            self.letters -= sum(map(len, self.kept.popitem(last=False)))

    def close(self) -> None:
        self.executor.close()
