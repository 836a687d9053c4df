"""What people write: trimmed, bounded, free of what no database or browser should be given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.core.errors import Code, InvalidInput

MAX_SUBJECT_CHARS = 200
MAX_BODY_CHARS = 65_536
MAX_NAME_CHARS = 200
MAX_TAG_CHARS = 50
MAX_SLUG_CHARS = 64
MAX_TAGS = 20
MAX_EXTERNAL_ID_CHARS = 255
MAX_RESOURCES = 50
VISIBLE_CHARACTER = re.compile(
    "[^\\s\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""What is not blank: there are characters that join, direct or select others, and show nothing by themselves."""


def clean_text(value: str, *path: str, max_chars: int) -> str:
    """A text after trimming. Raises InvalidInput REQUIRED, TOO_LONG or INVALID (NUL bytes, lone surrogates)."""
    text = value.strip()
    if is_blank(text):
        raise InvalidInput(Code.REQUIRED, "This can't be blank.", *path)
    if len(text) > max_chars:
        raise InvalidInput(
            Code.TOO_LONG, f"At most {max_chars} characters; these are {len(text)}.", *path
        )
    if not is_clean(text):
        raise InvalidInput(Code.INVALID, "NUL bytes and lone surrogates can't be stored.", *path)
    return text


def clean_body(value: str, *path: str) -> str:
    """A text of Markdown exactly as written, for leading spaces mean something there. Refused like `written`."""
    clean_text(value, *path, max_chars=MAX_BODY_CHARS)
    if len(value) > MAX_BODY_CHARS:
        raise InvalidInput(
            Code.TOO_LONG, f"At most {MAX_BODY_CHARS} characters; these are {len(value)}.", *path
        )
    return value


def is_slug(text: str) -> bool:
    """Whether a record could have this slug."""
    return is_clean(text) and len(text) <= MAX_SLUG_CHARS


def is_blank(text: str) -> bool:
    """Whether there is nothing to be seen."""
    return VISIBLE_CHARACTER.search(text) is None


def is_clean(text: str) -> bool:
    try:
        text.encode()  # which lone surrogates can't be; to look at each letter takes a hundred times as long
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def clean_tags(values: Sequence[str], *path: str) -> list[str]:
    """Trimmed tags, each once, in the order given."""
    return list(
        dict.fromkeys(clean_text(value, *path, max_chars=MAX_TAG_CHARS) for value in values)
    )
