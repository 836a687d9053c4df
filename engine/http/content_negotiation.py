"""Accept headers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from functools import lru_cache

MEDIA_RANGE_PATTERN = re.compile(
    r"\s*([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)\s*(?:;(.*))?", re.DOTALL
)
QUALITY_PATTERN = re.compile(
    r"(?:^|;)\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?=;|$)", re.IGNORECASE
)
MAX_ACCEPT_CHARS = 1024
"""Of an Accept or Accept-Encoding header. Parsing 16 KiB would take 5 ms."""
JSON_TYPE = "application/json"
GRAPHQL_RESPONSE_TYPE = "application/graphql-response+json"
HTML_TYPE = "text/html"
EXACT, SUBTYPE_WILDCARD, WILDCARD = 2, 1, 0
"""How specific the media range is that matches a type."""


def is_accepted(header: str | None, type: str) -> bool:
    """Whether an Accept header accepts a media type. Without a header, every type is accepted."""
    if header is None or not header.strip():
        return True
    quality, _ = match_type(parse_media_ranges(header), type)
    return quality > 0


@lru_cache(maxsize=256)
def prefers_html(header: bytes | None) -> bool:
    """Whether a header names text/html, and with a higher quality than both types of results."""
    if header is None:
        return False
    qualities = parse_media_ranges(header.decode("latin-1"))
    others = [match_type(qualities, type)[0] for type in (JSON_TYPE, GRAPHQL_RESPONSE_TYPE)]
    return qualities.get(HTML_TYPE, 0.0) > max(others)


@lru_cache(maxsize=256)
def select_result_type(header: bytes | None) -> str | None:
    """Select the media type of a response (GraphQL over HTTP, section 6.3).

    The type with the higher quality wins, then the one with the more specific range. If both are
    named, it is the GraphQL type; if both only match a wildcard, or without a header, it is
    application/json. Returns None if the header accepts neither.
    """
    if header is None or not header.strip():
        return JSON_TYPE
    qualities = parse_media_ranges(header.decode("latin-1"))
    json = match_type(qualities, JSON_TYPE)
    graphql = match_type(qualities, GRAPHQL_RESPONSE_TYPE)
    if json[0] == 0 and graphql[0] == 0:
        return None
    if graphql == json:
        _, specificity = graphql
        return GRAPHQL_RESPONSE_TYPE if specificity == EXACT else JSON_TYPE
    return GRAPHQL_RESPONSE_TYPE if graphql > json else JSON_TYPE


def parse_media_ranges(header: str) -> dict[str, float]:
    """Return the quality of each media range.

    Malformed ranges are ignored, a malformed quality counts as 1, and only the first
    MAX_ACCEPT_CHARS are read.
    """
    qualities: dict[str, float] = {}
    for item in header[:MAX_ACCEPT_CHARS].lower().split(","):
        match = MEDIA_RANGE_PATTERN.fullmatch(item)
        if match is not None:
            parameter = QUALITY_PATTERN.search(match[3] or "")
            quality = float(parameter[1]) if parameter else 1.0
            name = f"{match[1]}/{match[2]}"
            qualities[name] = max(qualities.get(name, 0.0), quality)
    return qualities


def match_type(qualities: dict[str, float], type: str) -> tuple[float, int]:
    """Return the quality and specificity of the most specific range that matches a type."""
    main_type = type.partition("/")[0]
    ranges = ((EXACT, type), (SUBTYPE_WILDCARD, f"{main_type}/*"), (WILDCARD, "*/*"))
    for specificity, name in ranges:
        if name in qualities:
            return qualities[name], specificity
    return 0.0, WILDCARD
