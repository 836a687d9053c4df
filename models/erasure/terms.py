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


@dataclass(frozen=True)
class Terms:
    """What identifies a person in the texts of others. Empty values match nothing.

    address  an email address in lower case; matches in any case, but not inside of another address
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
            parts.append(rf"(?i:(?<![\w.+-]){re.escape(self.address)}(?![\w-]|\.\w))")
        if len(self.name) >= MIN_NAME_CHARS and self.name not in ERASED:
            parts.append(rf"(?<!\w){re.escape(self.name)}(?!\w)")
        return re.compile("|".join(parts)) if parts else None

    @cached_property
    def quotes(self) -> list[str]:
        """The longest texts first, because one text may contain another."""
        return sorted(self.texts, key=len, reverse=True)[:MAX_QUOTES]

    def replace(self, text: str) -> str:
        """The text with ERASED in place of each term."""
        if text.strip() in self.texts:
            return ERASED
        for quote in self.quotes:
            text = text.replace(quote, ERASED)
        return text if self.pattern is None else self.pattern.sub(ERASED, text)

    def occur_in(self, text: str) -> bool:
        return self.replace(text) != text

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
