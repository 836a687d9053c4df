"""Finds and replaces texts that identify a person: the email address, the name, and quotations of
the person's own texts."""

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
"""The replacement of an erased text."""
MIN_NAME_CHARS = 3
"""Shorter names are not searched for: they would be found in the middle of sentences."""
MIN_QUOTATION_CHARS = 20
"""Shorter texts of a person are not searched for in the texts of others: “Yes” is no quotation."""
MAX_QUOTATIONS = 200
"""The maximum number of a person's texts that are searched for in each text of others, to bound the
time."""
DIGEST_CHARS = 16
LETTERS = "0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
"""Digits, and the letters of scripts that separate words: Latin, Greek and Cyrillic. Chinese and
Japanese don't, so other letters may touch a name."""


@dataclass(frozen=True)
class Terms:
    """The terms that identify a person in the texts of others. Empty values match nothing.

    address  an email address in lower case; matches in any case, but not inside of another address.
             A single `_`, `.` or `-` before it, as in Markdown, belongs to the address only after a
             letter or digit
    name     the full display name; matches as whole words, in its own case
    texts    texts that the person wrote; match exactly
    """

    address: str = ""
    name: str = ""
    texts: frozenset[str] = frozenset()

    def with_texts(self, texts: Iterable[str]) -> Terms:
        """The same terms, with texts that the person wrote."""
        own_texts = {text.strip() for text in texts if text.strip() != ERASED}
        long_texts = frozenset(text for text in own_texts if len(text) >= MIN_QUOTATION_CHARS)
        return Terms(self.address, self.name, long_texts)

    @property
    def without_name(self) -> Terms:
        """The address alone, for texts without a relation to the person.

        Other people can have the same name.
        """
        return Terms(self.address)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Finds the address and the name by the rules of this class."""
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
        """Whether the name is searched for.

        A name such as "erased" is not, because it is in ERASED itself.
        """
        return len(self.name) >= MIN_NAME_CHARS and self.name not in ERASED

    @cached_property
    def remaining_name(self) -> re.Pattern[str] | None:
        """Finds the name in casefolded texts, if no ASCII letter or digit touches it.

        So it finds more than `pattern`.
        """
        if not self.has_name:
            return None
        return re.compile(rf"(?<![0-9a-z]){re.escape(self.name.casefold())}(?![0-9a-z])")

    @cached_property
    def quotations(self) -> re.Pattern[str] | None:
        """Finds the person's texts. The longest come first, because one may contain another."""
        longest = sorted(self.texts, key=len, reverse=True)[:MAX_QUOTATIONS]
        return re.compile("|".join(map(re.escape, longest))) if longest else None

    def replace(self, text: str) -> str:
        """The text with ERASED in place of each term."""
        if text.strip() in self.texts:
            return ERASED
        if self.quotations is not None:
            text = self.quotations.sub(ERASED, text)
        return text if self.pattern is None else self.pattern.sub(ERASED, text)

    def occur_in(self, text: str) -> bool:
        """Whether `replace` would change the text."""
        return self.replace(text) != text

    def remain_in(self, text: str) -> bool:
        """Whether the text has the address or the name. The verification of an erasure calls this.

        It must not share the rules of `replace`, because it would then miss the same texts. So it
        also finds the address inside of a longer one.
        """
        folded = text.casefold()
        if self.address and self.address.casefold() in folded:
            return True
        return self.remaining_name is not None and bool(self.remaining_name.search(folded))

    def replace_in_json(self, value: Json) -> Json:
        """The value with the terms replaced in each text. The keys of objects stay."""
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
    """The hash by which the verification of an erasure recognises a copy of an erased text."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:DIGEST_CHARS]
