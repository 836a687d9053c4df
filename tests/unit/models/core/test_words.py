"""Words for the full-text search: folding of case and accents, splitting, and their bounds."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core import words
from models.core.words import MAX_WORD_CHARS, MAX_WORDS_BYTES, fold, index_words, split_query

MAX_TSVECTOR_BYTES = 2**20 - 1


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße NAÏVE ǅ ﬃ", "strasse naive dz ffi"),
        ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
        ("И́й ё", "ии е"),
        ("soft\u00adware zero\u200dwidth a\ufe0fb", "software zerowidth ab"),
        ("one\u200btwo…three_four", "one two three four"),
        ("ガ か\u3099 ｶﾞ", "ガ が ガ"),
        ("한국 \u1112\u1161\u11ab", "한국 한"),
        ("क़ हिन्दी कु", "क़ हिन्दी कु"),
        ("שָׁלוֹם كِتَاب", "שלום كتاب"),
        ("٣ ३ ３ ³", "3 3 3 3"),
        ("\u0301 🦊 \u20dd", ""),
        ("", ""),
    ],
)
def test_texts_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_runs_without_spaces_give_the_parts_at_each_place() -> None:
    assert index_words("PC東京大学x 東") == "pc 東京大 京大学 大学 学 x 東"
    assert split_query("東京大学院生", 16) == ["東京大", "学院生"]
    assert split_query("東京大学", 16) == ["東京大", "京大学"]
    assert split_query("京大", 16) == ["京大"]


def test_words_are_stored_once_and_long_words_are_cut() -> None:
    assert index_words("b a B á") == "b a"
    assert index_words("x" * 500) == "x" * MAX_WORD_CHARS


def test_a_query_has_a_limited_number_of_words() -> None:
    assert split_query("a b c", 2) == ["a", "b"]
    assert len(split_query("".join(map(chr, range(0x4E00, 0x4F00))), 16)) == 16


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(0x4E00 + index % 20_000) for index in range(65_536)),
        "".join(f"㍿{chr(0x20000 + index)}" for index in range(32_768)),
        "\ufdfa" * 65_536,
        " ".join(f"{index:x}" for index in range(15_000)),
        "".join(f"{chr(0xAC00 + index % 11_000)}{chr(0x4E00 + index)}" for index in range(20_000)),
    ],
    ids=["han", "expanding", "ligatures", "short words", "mixed"],
)
def test_the_words_of_the_longest_texts_fit_into_a_tsvector(text: str) -> None:
    stored = index_words(text).encode()
    assert len(stored) <= MAX_WORDS_BYTES < MAX_TSVECTOR_BYTES


def test_the_table_of_characters_is_bounded() -> None:
    fold("".join(map(chr, range(0x80, 0xD800))) + "".join(map(chr, range(0x10000, 0x30000))))
    assert len(words.FOLDING) <= words.MAX_REMEMBERED_CHARS


@given(st.text(st.characters(max_codepoint=sys.maxunicode), max_size=20))
def test_words_contain_nothing_that_a_query_language_or_database_splits(text: str) -> None:
    for word in index_words(text).split(" "):
        assert word == "" or all(not (char.isascii() and not char.isalnum()) for char in word)
        assert not set(word) & set("'\"\\ \x00")


@given(st.text(max_size=30))
def test_each_word_of_a_text_finds_it(text: str) -> None:
    stored = index_words(text).split()
    for query in split_query(text, 1000):
        assert any(word.startswith(query) for word in stored)


@given(st.text(max_size=20))
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
