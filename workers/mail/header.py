"""Email headers with their own folding: Python 3.11 splits message ids and loses spaces in
non-Latin text."""

from __future__ import annotations

from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import SMTP, Policy
from typing import Any

MAX_LINE_CHARS = 76


class IdListHeader(BaseHeader):
    """Message ids or list ids in ASCII, separated by spaces and folded only between them (RFC 5322,
    section 3.6.4).

    An id longer than a line must not be encoded, because email programs would not recognise the
    thread.
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        if not value.isascii() or value.split() != value.split(" "):
            raise ValueError("ids must be ASCII, separated by single spaces")
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(self.split()) + policy.linesep


class TextHeader(BaseHeader):
    """One line of text.

    Non-ASCII text is encoded as a whole, so that no space between words is lost (RFC 2047, 6.2).
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        if len(value.splitlines()) > 1:
            raise ValueError("a header must be one line")
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        charset = "us-ascii" if self.isascii() else "utf-8"
        folded = Header(
            str(self), charset, maxlinelen=MAX_LINE_CHARS, header_name=self.name
        ).encode(linesep=policy.linesep)
        return f"{self.name}: {folded}{policy.linesep}"


class CachingHeaderRegistry(HeaderRegistry):
    """Creates one class for each kind of header.

    Python 3.11 creates a class for each header of each email. Classes are reference cycles, which
    only the garbage collector frees. The server seldom collects old objects, so thousands of these
    classes would wait for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.classes: dict[object, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        kind = self.registry.get(name.lower(), self.default_class)
        if kind not in self.classes:
            self.classes[kind] = super().__getitem__(name)
        return self.classes[kind]


MAIL_POLICY = SMTP.clone(header_factory=CachingHeaderRegistry())
"""The policy of all emails that the service composes."""
