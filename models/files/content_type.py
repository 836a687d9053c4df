"""Compares the declared media type of a file with its content."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import puremagic

from models.files.refusals import FileRefused

TOP_LEVEL_TYPES_WITH_SIGNATURE = ("image", "audio", "video", "font")
"""The formats of these types begin with a file signature, also known as magic number."""
TYPES_WITH_SIGNATURE = frozenset(
    {
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/x-7z-compressed",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    }
)
"""Further types whose files begin with a signature."""
TYPE_BY_ALIAS = {"image/jpg": "image/jpeg", "application/x-gzip": "application/gzip"}
INLINE_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
"""The signatures of types that browsers show inline. puremagic also accepts other types with the
same signature, which is not strict enough for these."""
HEAD_BYTES = 8192


def check_content(path: Path, declared: str) -> None:
    """Check that the content can be of the declared type. Blocks: call it in a thread.

    Types without a signature, such as text/csv, can't be checked; they are never shown inline,
    except text/plain, which must be text. Raises FileRefused.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    declared = TYPE_BY_ALIAS.get(declared, declared)
    if declared in INLINE_SIGNATURES:
        matches = head.startswith(INLINE_SIGNATURES[declared])
    elif declared == "image/webp":
        matches = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    elif declared.startswith("text/") or declared == "image/svg+xml":
        matches = b"\x00" not in head
    elif has_signature(declared):
        found = {TYPE_BY_ALIAS.get(each, each) for each in detect_types(path)}
        matches = declared in found or (declared not in list_known_types() and not found)
    else:
        matches = True
    if not matches:
        raise FileRefused(
            "CONTENT_TYPE_MISMATCH", f"The content of the file is not of the type {declared}."
        )


def has_signature(declared: str) -> bool:
    """Whether all files of this type begin with a signature."""
    top_level_type = declared.split("/")[0]
    return declared in TYPES_WITH_SIGNATURE or top_level_type in TOP_LEVEL_TYPES_WITH_SIGNATURE


def detect_types(path: Path) -> set[str]:
    """All types that the signatures in a file permit."""
    try:
        found = puremagic.magic_file(str(path))
    except (puremagic.PureError, ValueError):  # ValueError: the file is empty
        return set()
    return {match.mime_type for match in found}


@lru_cache(maxsize=1)
def list_known_types() -> frozenset[str]:
    """The types whose signatures puremagic knows."""
    return frozenset(each.mime_type for each in puremagic.magic_header_array)
