"""Headers whose folding is ours: Python 3.11 tears apart what must stay whole, and loses spaces in other scripts."""

from __future__ import annotations

from email.header import Header
from email.headerregistry import BaseHeader
from email.policy import Policy
from typing import Any

LINE = 76


class Ids(BaseHeader):
    """Names of mails, lists and places: in ASCII, parted by spaces, and folded between them alone (RFC 5322, section 3.6.4).

    One that is longer than a line, as a domain of thirty letters makes it, must not be encoded: no mail program understands
    that, and the conversation falls apart.
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        if not value.isascii() or value.split() != value.split(" "):
            raise ValueError("names are plain, with a space between")
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: " + f"{policy.linesep} ".join(self.split()) + policy.linesep


class Text(BaseHeader):
    """One line of text, encoded as a whole unless it is ASCII, so that no space between words is lost (RFC 2047, section 6.2)."""

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        if len(value.splitlines()) > 1:
            raise ValueError("a header is one line")
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        charset = "us-ascii" if self.isascii() else "utf-8"
        folded = Header(str(self), charset, maxlinelen=LINE, header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {folded}{policy.linesep}"
