"""Text input is trimmed and stored, or refused with a code for the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import limit_examples

from models.core import text
from models.core.errors import InvalidInput, UserErrorCode

LETTERS = st.characters(codec="utf-8", exclude_characters="\x00")
ANYTHING = st.text(st.characters(), max_size=30)


def expect_refusal(value: str, max_chars: int = 10) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        text.clean_text(value, "subject", max_chars=max_chars)
    return refusal.value


@pytest.mark.parametrize("blank", ["", " ", "\n\t \r", "\u2003\u00a0"])
def test_a_blank_text_is_required(blank: str) -> None:
    refusal = expect_refusal(blank)
    assert refusal.code is UserErrorCode.REQUIRED
    assert refusal.field == ["input", "subject"]


def test_length_counts_after_trimming() -> None:
    assert text.clean_text("  " + "x" * 10 + "\n", "subject", max_chars=10) == "x" * 10
    refusal = expect_refusal("x" * 11)
    assert refusal.code is UserErrorCode.TOO_LONG
    assert refusal.field == ["input", "subject"]


def test_length_counts_characters_not_bytes() -> None:
    assert text.clean_text("ü" * 10, "subject", max_chars=10) == "ü" * 10
    assert text.clean_text("🦊" * 10, "subject", max_chars=10) == "🦊" * 10


@pytest.mark.parametrize("invalid", ["a\x00b", "a\ud800", "\udfffa", "\ud83e\udd8a"])
def test_nul_bytes_and_lone_surrogates_are_invalid(invalid: str) -> None:
    refusal = expect_refusal(invalid)
    assert refusal.code is UserErrorCode.INVALID
    assert refusal.field == ["input", "subject"]


def test_the_limits_are_those_of_the_api() -> None:
    assert (text.MAX_SUBJECT_CHARS, text.MAX_BODY_CHARS, text.MAX_TAG_CHARS) == (
        200,
        65_536,
        50,
    )


@limit_examples(100)
@given(st.text(LETTERS, max_size=30))
def test_valid_text_is_trimmed_and_cleaning_it_again_changes_nothing(value: str) -> None:
    if not value.strip():
        return
    cleaned = text.clean_text(value, max_chars=30)
    assert cleaned == value.strip()
    assert text.clean_text(cleaned, max_chars=30) == cleaned


@limit_examples(100)
@given(ANYTHING)
def test_text_is_storable_if_it_is_utf8_without_nul(value: str) -> None:
    try:
        encodable = value.encode()
    except UnicodeEncodeError:
        assert not text.is_storable(value)
    else:
        assert text.is_storable(value) == (b"\x00" not in encodable)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a\nb", "a b"),
        ("a\r\n\r\nb", "a b"),
        ("a \n b", "a b"),
        ("a\tb", "a b"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf", "a b c d e f"),
        ("\n a \n", "a"),
        ("a\x07b\x1b[31mc\x7fd\x9be", "ab[31mcde"),
        ("a\x08\x08b", "ab"),
        ("\x07 a \x1b", "a"),
        ("a  b\u00a0c", "a  b\u00a0c"),
        ("\u200d👩\u200d🚒 ü\u200e", "\u200d👩\u200d🚒 ü\u200e"),
    ],
)
def test_a_line_has_no_line_breaks_and_control_characters(value: str, line: str) -> None:
    assert text.clean_line(value, "subject", max_chars=20) == line
    assert text.clean_subject(value) == line
    assert text.clean_tags([value], "tags") == [line]


@limit_examples(100)
@given(st.text(LETTERS, max_size=30))
def test_cleaning_a_line_again_changes_nothing(value: str) -> None:
    try:
        line = text.clean_line(value, max_chars=30)
    except InvalidInput:
        return
    assert text.clean_line(line, max_chars=30) == line
    assert line.splitlines() == [line]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("\n\t\x07", UserErrorCode.REQUIRED),
        ("\x1b", UserErrorCode.REQUIRED),
        ("a\x00b", UserErrorCode.INVALID),
        ("x\ny" * 100, UserErrorCode.TOO_LONG),
        (" " * 500_000 + "x" * 500_000, UserErrorCode.TOO_LONG),
    ],
    ids=["only breaks", "only controls", "nul", "long", "huge"],
)
def test_a_line_is_refused_for_the_same_reasons_as_a_text(value: str, code: UserErrorCode) -> None:
    with pytest.raises(InvalidInput) as refusal:
        text.clean_subject(value)
    assert (refusal.value.code, refusal.value.field) == (code, ["input", "subject"])


def test_tags_are_trimmed_and_duplicates_are_removed_in_order() -> None:
    assert text.clean_tags([" vpn", "mail", "vpn ", "VPN", "mail"], "tags") == ["vpn", "mail"]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (" ", UserErrorCode.REQUIRED),
        ("x" * 51, UserErrorCode.TOO_LONG),
        ("a\x00", UserErrorCode.INVALID),
        ("\ud800", UserErrorCode.INVALID),
    ],
)
def test_one_invalid_tag_refuses_the_whole_list(tag: str, code: UserErrorCode) -> None:
    with pytest.raises(InvalidInput) as refusal:
        text.clean_tags(["vpn", tag], "addTags")
    assert refusal.value.code is code
    assert refusal.value.field == ["input", "addTags"]
