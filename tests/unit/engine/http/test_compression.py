"""Which encoding an Accept-Encoding header selects, and what is compressed."""

from __future__ import annotations

import gzip

import brotli
import pytest

from engine.http.compression import compress, select_encoding

SELECTED = {
    None: None,
    b"": None,
    b"identity": None,
    b"deflate, zstd": None,
    b"gzip": "gzip",
    b"GZIP": "gzip",
    b"br": "br",
    b"gzip, deflate, br": "br",
    b"gzip, deflate, br, zstd": "br",
    b"gzip;q=1.0, br;q=0.5": "gzip",
    b"br;q=0, gzip": "gzip",
    b"br; q=0 , gzip; q=0": None,
    b"*": "br",
    b"*;q=0": None,
    b"*;q=0.5, br;q=0": "gzip",
    b"identity, gzip;q=0.5": None,
    b"identity;q=0.5, gzip": "gzip",
    b"gzip;q=nonsense": None,
    b"gzip;level=9": None,
    b",, ;q=1,gzip,": "gzip",
    b"\xff\xfe": None,
}


@pytest.mark.parametrize("header", SELECTED)
def test_an_encoding_is_selected_as_the_client_prefers(header: bytes | None) -> None:
    assert select_encoding(header) == SELECTED[header]


def test_a_compressed_body_decodes_to_the_same_bytes() -> None:
    body = b'{"data": {"name": "\xc3\xa9"}}' * 1000
    encoded = compress(body, "gzip")
    assert gzip.decompress(encoded) == body
    assert encoded == compress(body, "gzip"), "it does not contain the time"
    assert brotli.decompress(compress(body, "br")) == body
