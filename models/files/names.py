"""Names and declared media types of files: their rules, and the header for downloads."""

from __future__ import annotations

import re
from urllib.parse import quote

from models.core import text
from models.core.errors import InvalidInput, UserErrorCode

MAX_FILENAME_BYTES = 255
"""In UTF-8, because file systems of the people who download a file have this limit."""
MAX_CONTENT_TYPE_CHARS = 127
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
"""RFC 6838, section 4.2, in lower case."""
SEPARATORS = re.compile(r"[/\\]")
HIDDEN_CHARACTERS = re.compile(
    "[\x01-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""Control characters, and characters that hide or reorder others: `exe.txt` could be shown for a
file `txt.exe`."""
SHA256 = re.compile("[0-9a-f]{64}")
INLINE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})
"""The types that a browser may show itself. It downloads all others, so no script in them runs."""


def clean_filename(value: str) -> str:
    """The name without surrounding white space. Raises InvalidInput for `filename`."""
    name = text.clean_text(value, "filename", max_chars=MAX_FILENAME_BYTES)
    size = len(name.encode())
    if size > MAX_FILENAME_BYTES:
        message = f"must have at most {MAX_FILENAME_BYTES} bytes in UTF-8; this has {size}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "filename")
    if SEPARATORS.search(name) or name in (".", ".."):
        message = "must be the name of a file, without a path"
        raise InvalidInput(UserErrorCode.INVALID, message, "filename")
    if HIDDEN_CHARACTERS.search(name):
        message = "must not contain control characters, or characters that hide or reorder others"
        raise InvalidInput(UserErrorCode.INVALID, message, "filename")
    return name


def clean_content_type(value: str) -> str:
    """The media type in lower case, without parameters. Raises InvalidInput for `contentType`."""
    if len(value) > MAX_CONTENT_TYPE_CHARS:
        message = f"must have at most {MAX_CONTENT_TYPE_CHARS} characters; this has {len(value):,}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "contentType")
    media_type = value.partition(";")[0].strip().lower()
    if MEDIA_TYPE.fullmatch(media_type) is None:
        message = "must be a media type, such as image/png"
        raise InvalidInput(UserErrorCode.INVALID, message, "contentType")
    return media_type


def clean_sha256(value: str | None) -> str | None:
    """The hash in lower case. Raises InvalidInput for `sha256`."""
    if value is None:
        return None
    digest = value.lower() if len(value) == 64 else ""
    if SHA256.fullmatch(digest) is None:
        message = "must be a SHA-256 hash of 64 hexadecimal digits"
        raise InvalidInput(UserErrorCode.INVALID, message, "sha256")
    return digest


def content_disposition(filename: str, content_type: str) -> str:
    """The header Content-Disposition (RFC 6266), with the name in UTF-8 (RFC 8187) and in ASCII.

    Characters of the ASCII name that some clients misread become underscores.
    """
    kind = "inline" if content_type in INLINE_TYPES else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._()+=@,-]", "_", filename)
    encoded = quote(filename, safe="!#$&+-.^_`|~")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def response_type(content_type: str) -> str:
    """The Content-Type of a download. Only types that are shown inline keep theirs."""
    if content_type == "text/plain":
        return "text/plain; charset=utf-8"
    return content_type if content_type in INLINE_TYPES else "application/octet-stream"
