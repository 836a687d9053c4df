"""Finds and replaces in texts what identifies a person: the address, the name, and own texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.log.event import Json

ERASED = "[erased]"
"""What stands in place of an erased text."""
MIN_NAME_CHARS = 3
"""Shorter names are not searched for: they would be found in the middle of sentences."""
MIN_QUOTE_CHARS = 20
"""Shorter texts of a person are not searched for in the texts of others: “Yes” is no quotation."""
MAX_QUOTES = 200
"""How many texts of a person are searched for inside of each text of others, to bound the time."""
DIGEST_CHARS = 16
LETTERS = "0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
"""Digits, and the letters of scripts that separate words: Latin, Greek and Cyrillic. Chinese and
Japanese don't, so a name may stand right beside other letters."""


@dataclass(frozen=True)
class Terms:
    """What identifies a person in the texts of others. Empty values match nothing.

    address  an email address in lower case; matches in any case, but not inside of another address.
             A single `_`, `.` or `-` before it, as in Markdown, belongs to the address only after a
             letter or digit
    name     the full display name; matches as whole words, in its own case
    texts    what the person wrote; matches exactly
    """

    address: str = ""
    name: str = ""
    texts: frozenset[str] = frozenset()

    def with_texts(self, texts: Iterable[str]) -> Terms:
        """The same terms, with texts that the person wrote."""
        found = {text.strip() for text in texts if text.strip() != ERASED}
        long = frozenset(text for text in found if len(text) >= MIN_QUOTE_CHARS)
        return Terms(self.address, self.name, long)

    @property
    def without_name(self) -> Terms:
        """The terms for texts that have nothing to do with the person: others have this name."""
        return Terms(self.address)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        parts: list[str] = []
        if self.address:
            before = r"(?<![0-9A-Za-z+])(?<![0-9A-Za-z][._-])"
            after = r"(?!-?[0-9A-Za-z]|\.[0-9A-Za-z])"
            parts.append(f"(?i:{before}{re.escape(self.address)}{after})")
        if self.has_name:
            parts.append(f"(?<![{LETTERS}]){re.escape(self.name)}(?![{LETTERS}])")
        return re.compile("|".join(parts)) if parts else None

    @property
    def has_name(self) -> bool:
        """Whether the name is searched for."""
        return len(self.name) >= MIN_NAME_CHARS and self.name not in ERASED

    @cached_property
    def remaining_name(self) -> re.Pattern[str] | None:
        """Finds more than `pattern`: the name in any case, if no ASCII letter is beside it."""
        if not self.has_name:
            return None
        return re.compile(rf"(?<![0-9a-z]){re.escape(self.name.casefold())}(?![0-9a-z])")

    @cached_property
    def quotes(self) -> re.Pattern[str] | None:
        """Finds the longest texts first, because one text may contain another."""
        longest = sorted(self.texts, key=len, reverse=True)[:MAX_QUOTES]
        return re.compile("|".join(map(re.escape, longest))) if longest else None

    def replace(self, text: str) -> str:
        """The text with ERASED in place of each term."""
        if text.strip() in self.texts:
            return ERASED
        if self.quotes is not None:
            text = self.quotes.sub(ERASED, text)
        return text if self.pattern is None else self.pattern.sub(ERASED, text)

    def occur_in(self, text: str) -> bool:
        return self.replace(text) != text

    def remain_in(self, text: str) -> bool:
        """Whether the text has the address or the name, for the verification.

        It must not share the rules of `replace`, or it would miss what that has missed. So it finds
        the address also inside of a longer one.
        """
        folded = text.casefold()
        if self.address and self.address.casefold() in folded:
            return True
        return self.remaining_name is not None and bool(self.remaining_name.search(folded))

    def replace_in_json(self, value: Json) -> Json:
        """The value with the terms replaced in each text. The names of objects stay."""
        if isinstance(value, str):
            return self.replace(value)
        if isinstance(value, Mapping):
            return {name: self.replace_in_json(each) for name, each in value.items()}
        if isinstance(value, Sequence):
            return [self.replace_in_json(each) for each in value]
        return value


def list_texts(value: Json) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in list_texts(each)]
    if isinstance(value, Sequence):
        return [text for each in value for text in list_texts(each)]
    return []


def digest_text(text: str) -> str:
    """The fingerprint by which the verification recognises a copy of an erased text."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:DIGEST_CHARS]
