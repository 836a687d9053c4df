"""What people write: trimmed, bounded, free of what no database or browser should be given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.core.errors import Code, InvalidInput

SUBJECT = 200
BODY = 65_536
NAME = 200
TAG = 50
SLUG = 64
TAGS = 20
EXTERNAL_ID = 255
RESOURCES = 50
VISIBLE = re.compile("[^\\s\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]")
"""What is not blank: there are characters that join, direct or select others, and show nothing by themselves."""


def written(value: str, *path: str, longest: int) -> str:
    """A text after trimming. Raises InvalidInput REQUIRED, TOO_LONG or INVALID (NUL bytes, lone surrogates)."""
    text = value.strip()
    if is_blank(text):
        raise InvalidInput(Code.REQUIRED, "This can't be blank.", *path)
    if len(text) > longest:
        raise InvalidInput(Code.TOO_LONG, f"At most {longest} characters; these are {len(text)}.", *path)
    if not is_clean(text):
        raise InvalidInput(Code.INVALID, "NUL bytes and lone surrogates can't be stored.", *path)
    return text


def body(value: str, *path: str) -> str:
    """A text of Markdown exactly as written, for leading spaces mean something there. Refused like `written`."""
    written(value, *path, longest=BODY)
    if len(value) > BODY:
        raise InvalidInput(Code.TOO_LONG, f"At most {BODY} characters; these are {len(value)}.", *path)
    return value


def is_slug(text: str) -> bool:
    """Whether a record could have this slug."""
    return is_clean(text) and len(text) <= SLUG


def is_blank(text: str) -> bool:
    """Whether there is nothing to be seen."""
    return VISIBLE.search(text) is None


def is_clean(text: str) -> bool:
    try:
        text.encode()  # which lone surrogates can't be; to look at each letter takes a hundred times as long
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def tags(values: Sequence[str], *path: str) -> list[str]:
    """Trimmed tags, each once, in the order given."""
    return list(dict.fromkeys(written(value, *path, longest=TAG) for value in values))
