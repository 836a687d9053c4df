"""Validation of texts from clients: limits, white space and characters that can't be stored."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.core.errors import InvalidInput, UserErrorCode

MAX_SUBJECT_CHARS = 200
MAX_BODY_CHARS = 65_536
MAX_NAME_CHARS = 200
MAX_TAG_CHARS = 50
MAX_SLUG_CHARS = 64
MAX_EXTERNAL_ID_CHARS = 255
VISIBLE_CHARACTER = re.compile(
    "[^\\s\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Any character except white space and invisible ones: joiners, direction marks, variation
selectors and fillers."""

WHITE_SPACE = re.compile(r"\s+")
LINE_BREAK = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]")
"""Line breaks and tabs: the characters that `str.splitlines` splits at, and the tab."""
CONTROL_CHARACTERS = re.compile("[\x01-\x1f\x7f-\x9f]")
"""The control characters except NUL, which is refused."""


def clean_line(value: str, *path: str, max_chars: int) -> str:
    """A text of one line: white space with line breaks becomes one space, and control characters
    are removed.

    Raises InvalidInput like `clean_text`.
    """
    line = CONTROL_CHARACTERS.sub("", WHITE_SPACE.sub(join_lines, value))
    return clean_text(line, *path, max_chars=max_chars)


def join_lines(white_space: re.Match[str]) -> str:
    return " " if LINE_BREAK.search(white_space.group()) else white_space.group()


def clean_subject(value: str) -> str:
    """The subject of a ticket. Raises InvalidInput like `clean_text`."""
    return clean_line(value, "subject", max_chars=MAX_SUBJECT_CHARS)


def clean_external_id(value: str) -> str:
    """Raises InvalidInput for `externalId`, like `clean_text`."""
    return clean_text(value, "externalId", max_chars=MAX_EXTERNAL_ID_CHARS)


def clean_text(value: str, *path: str, max_chars: int) -> str:
    """The text without surrounding white space.

    Raises InvalidInput: REQUIRED if it is blank, TOO_LONG, or INVALID if it can't be stored.
    """
    text = value.strip()
    if is_blank(text):
        raise InvalidInput(UserErrorCode.REQUIRED, "must not be blank", *path)
    check_length(text, *path, max_chars=max_chars)
    if not is_storable(text):
        raise InvalidInput(
            UserErrorCode.INVALID, "must not contain NUL bytes or lone surrogates", *path
        )
    return text


def clean_optional_text(value: str | None, *path: str, max_chars: int) -> str | None:
    """The text as `clean_text` returns it; None if there is none or it is blank.

    Raises InvalidInput: TOO_LONG, or INVALID if it can't be stored.
    """
    if value is None or is_blank(value):
        return None
    return clean_text(value, *path, max_chars=max_chars)


def clean_body(value: str, *path: str) -> str:
    """A Markdown text, unchanged, because its leading spaces have a meaning.

    Raises InvalidInput like `clean_text`.
    """
    clean_text(value, *path, max_chars=MAX_BODY_CHARS)
    check_length(value, *path, max_chars=MAX_BODY_CHARS)
    return value


def check_length(text: str, *path: str, max_chars: int) -> None:
    if len(text) > max_chars:
        message = f"must have at most {max_chars:,} characters; this has {len(text):,}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, *path)


def can_be_slug(text: str) -> bool:
    """Whether it is worth looking up as a slug: it is storable and not too long."""
    return is_storable(text) and len(text) <= MAX_SLUG_CHARS


def is_blank(text: str) -> bool:
    return VISIBLE_CHARACTER.search(text) is None


def is_storable(text: str) -> bool:
    """Whether both databases can store the text: it has no NUL bytes and no lone surrogates."""
    try:
        text.encode()  # fails for lone surrogates; 100 times faster than checking each character
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def clean_tags(values: Sequence[str], *path: str) -> list[str]:
    """The cleaned tags without duplicates, in their order. Raises InvalidInput.

    Of tags that differ only by case, the first one remains.
    """
    tags: dict[str, str] = {}
    for value in values:
        tag = clean_line(value, *path, max_chars=MAX_TAG_CHARS)
        tags.setdefault(fold_tag(tag), tag)
    return list(tags.values())


def fold_tag(tag: str) -> str:
    """The key of a tag: equal for tags that differ only by case."""
    return tag.casefold()
