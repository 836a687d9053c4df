"""Compression of long responses to queries (RFC 9110, section 8.4).

Only queries: the length of a compressed response can reveal a secret that stands beside input that
an attacker chose (BREACH). Mutations return secrets, such as the token of signIn. Event streams are
never compressed, because compression would delay events.
"""

from __future__ import annotations

import gzip
from collections.abc import Hashable
from functools import lru_cache

import brotli

from engine.http.content_negotiation import MAX_ACCEPT_CHARS, QUALITY_PATTERN
from engine.limits.concurrency import FairExecutor

MIN_COMPRESSED_BYTES = 4096
"""For shorter responses, compression takes longer than it saves."""
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
"""About as fast as gzip at GZIP_LEVEL; the result is smaller."""
ENCODINGS = ("br", "gzip")
"""The first one is used if the client prefers none."""


class Compressor:
    """Compresses in a worker thread. Each caller may have one response in it at a time."""

    def __init__(self) -> None:
        self.executor = FairExecutor("compression")

    async def compress(self, caller: Hashable, body: bytes, encoding: str) -> bytes:
        return await self.executor.run(caller, compress, body, encoding)

    def close(self) -> None:
        self.executor.close()


def compress(body: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return brotli.compress(body, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY)
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


@lru_cache(maxsize=256)
def select_encoding(header: bytes | None) -> str | None:
    """Select the encoding that an Accept-Encoding header prefers; None for no compression."""
    qualities: dict[str, float] = {}
    for item in (header or b"")[:MAX_ACCEPT_CHARS].decode("latin-1").lower().split(","):
        name, _, parameters = item.partition(";")
        match = QUALITY_PATTERN.search(parameters)
        if name.strip() and (match is not None or not parameters.strip()):
            qualities[name.strip()] = float(match[1]) if match else 1.0
    others = qualities.get("*", 0.0)
    best = max(ENCODINGS, key=lambda each: qualities.get(each, others))
    quality = qualities.get(best, others)
    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else None
