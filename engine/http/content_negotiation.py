"""Accept headers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from functools import lru_cache

RANGE = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)\s*(?:;(.*))?", re.DOTALL)
WEIGHT = re.compile(r"(?:^|;)\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?=;|$)", re.IGNORECASE)
PLAIN = "application/json"
RESULT = "application/graphql-response+json"
NAMED = 2
"""How closely a range fits that names the type itself."""


def accepts(header: str | None, type: str) -> bool:
    """Whether the header takes a media type: the range that names it closest says so. Who sends no header takes anything."""
    return header is None or not header.strip() or weight(ranges(header), type)[0] > 0


@lru_cache(maxsize=256)
def result_type(header: bytes | None) -> str | None:
    """The type that a result is told in, of the two that there are (GraphQL over HTTP, section 6.3); None where neither is taken.

    What is wanted more, then what is named, then the newer of two that are; who takes anything gets plain JSON.
    """
    if header is None or not header.strip():
        return PLAIN
    found = ranges(header.decode("latin-1"))
    plain, result = weight(found, PLAIN), weight(found, RESULT)
    if max(plain, result)[0] == 0:
        return None
    is_result = result > plain or (result == plain and result[1] == NAMED)
    return RESULT if is_result else PLAIN


def ranges(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in header.lower().split(","):
        range = RANGE.fullmatch(each)
        if range is not None:
            said = WEIGHT.search(range[3] or "")
            name = f"{range[1]}/{range[2]}"
            found[name] = max(found.get(name, 0.0), float(said[1]) if said else 1.0)
    return found


def weight(found: dict[str, float], type: str) -> tuple[float, int]:
    """How much a type is wanted, and how closely the range fits that says so."""
    for closeness, name in ((NAMED, type), (1, f"{type.partition('/')[0]}/*"), (0, "*/*")):
        if name in found:
            return found[name], closeness
    return 0.0, 0
