"""Splits texts into words for the full-text search, in Python, so that both databases agree.

Case and accents don't matter: `Straße` gives `strasse`, `naïve` gives `naive`. Scripts that are
written without spaces, such as Chinese, Japanese and Thai, have no words here. Their runs of
characters give all parts of up to three characters, so that a search finds any part of a run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tortoise.fields import TextField
from tortoise.models import Model

MAX_WORD_CHARS = 100
"""The rest of a longer word is ignored."""
MAX_WORDS_BYTES = 900_000
"""The words of one text, in UTF-8. A tsvector of Postgres holds at most 1 MiB."""
PART_CHARS = 3
MAX_REMEMBERED_CHARS = 20_000

MAX_SPELLING_CLASS = 9
"""Marks with a combining class from 2 to 9 are part of the spelling: the voicing of kana, and the
nukta and virama of Indic scripts. So are marks of class 0, such as dependent vowels. Marks of
other classes are accents, tones and optional vowels."""
IGNORED = re.compile(
    "[\u00ad\u034f\u200c-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
"""Invisible characters in words: soft hyphens, joiners, direction marks, variation selectors."""
LETTERS_WITHOUT_DECOMPOSITION = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "ŧ": "t",
    "ı": "i",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "ŋ": "n",
    "ĸ": "k",
}
UNSPACED_RUN = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
"""Thai, Lao, Myanmar, Khmer, Han, kana; and Hangul, because its compound nouns have no spaces."""


class CharacterFolding(dict[int, str | None]):
    """A table for `str.translate` that computes its entries on demand."""

    def __missing__(self, code: int) -> str | None:
        folded = fold_character(chr(code))
        if len(self) < MAX_REMEMBERED_CHARS:
            self[code] = folded
        return folded


def fold_character(character: str) -> str | None:
    """The character, if words contain it, in its basic form; None for accents; else a space."""
    if IGNORED.match(character):
        return None
    category = unicodedata.category(character)
    if category[0] == "M":
        combining_class = unicodedata.combining(character)
        is_spelling = combining_class != 1 and combining_class <= MAX_SPELLING_CLASS
        return character if is_spelling and category != "Me" else None
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "LN":
        return LETTERS_WITHOUT_DECOMPOSITION.get(character, character)
    return " "


FOLDING = CharacterFolding()


def fold(text: str) -> str:
    """The text in its basic form: letters without case and accents, and single spaces."""
    if text.isascii():
        folded = text.lower().translate(FOLDING)
    else:
        # Folding the case of a compatibility character may give one that has a decomposition.
        decomposed = unicodedata.normalize("NFKD", text).casefold()
        letters = unicodedata.normalize("NFKD", decomposed).translate(FOLDING)
        folded = unicodedata.normalize("NFC", letters)
    return " ".join(folded.split())


def split_runs(folded: str) -> Iterator[tuple[str, bool]]:
    """The words of a folded text, and the runs of characters of scripts without spaces (True)."""
    for word in folded.split():
        if word.isascii():
            yield word, False
            continue
        for index, piece in enumerate(UNSPACED_RUN.split(word)):
            if piece:
                yield piece, index % 2 == 1


def index_words(text: str) -> str:
    """The different words of a text, with single spaces between them, as a database stores them.

    A run of a script without spaces gives the three characters that start at each of its places.
    """
    words: dict[str, None] = {}
    size = 0
    for run, is_unspaced in split_runs(fold(text)):
        starts = range(len(run)) if is_unspaced else range(1)
        length = PART_CHARS if is_unspaced else MAX_WORD_CHARS
        for start in starts:
            word = run[start : start + length]
            if word not in words:
                size += len(word.encode()) + 1
                if size > MAX_WORDS_BYTES:
                    return " ".join(words)
                words[word] = None
    return " ".join(words)


def split_query(text: str, max_words: int) -> list[str]:
    """The first words of a query. Each is to be the beginning of a word of `index_words`."""
    return list(islice(query_words(fold(text)), max_words))


def query_words(folded: str) -> Iterator[str]:
    for run, is_unspaced in split_runs(folded):
        if not is_unspaced:
            yield run[:MAX_WORD_CHARS]
            continue
        last = max(0, len(run) - PART_CHARS)
        for start in [*range(0, last, PART_CHARS), last]:
            yield run[start : start + PART_CHARS]


class WordsField(TextField):
    """Stores the words of another attribute of the record, whatever the field's own value is."""

    def __init__(self, text_attribute: str = "", **kwargs: Any) -> None:
        self.text_attribute = text_attribute
        super().__init__(default="", db_default="", **kwargs)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        if isinstance(instance, Model):
            return index_words(getattr(instance, self.text_attribute))
        return value
