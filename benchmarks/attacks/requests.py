"""Malicious HTTP requests, each with the expected status and error code; malicious WebSocket
frames, each with the expected close code."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence

from benchmarks.attacks.target import Target

GOOD = b'{"query": "{ viewer { role } }"}'
MEBIBYTE = 1024 * 1024
RequestBuilder = Callable[[Target], bytes]


def with_body(body: bytes) -> RequestBuilder:
    return lambda target: target.build_request(body)


def with_headers(body: bytes = GOOD, **headers: str) -> RequestBuilder:
    return lambda target: target.build_request(body, **headers)


def with_head(lines: str, rest: bytes = b"") -> RequestBuilder:
    """A request with exactly this head; {token} becomes the attacker's token."""

    def build(target: Target) -> bytes:
        head = lines.replace("{token}", target.token).replace("\n", "\r\n")
        return head.encode("latin-1") + rest

    return build


START = "POST /graphql HTTP/1.1\nHost: x\nContent-Type: application/json\n"
TINY_CHUNKS = b"1\r\n \r\n" * 60_000
REQUESTS: Mapping[str, tuple[RequestBuilder, str]] = {
    "a body of two mebibytes": (
        with_body(b'{"query": "' + b" " * 2 * MEBIBYTE + b'"}'),
        "413 BAD_REQUEST",
    ),
    "a Content-Length of an exabyte": (
        with_headers(b" " * 9 * MEBIBYTE, content_length="9" * 18),
        "413 BAD_REQUEST",
    ),
    "chunks without end": (
        with_head(
            f"{START}Transfer-Encoding: chunked\n\n", (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160
        ),
        "413 BAD_REQUEST",
    ),
    "sixty thousand chunks of one byte": (
        with_head(f"{START}Transfer-Encoding: chunked\n\n", TINY_CHUNKS),
        "413 BAD_REQUEST",
    ),
    "sixty thousand trailers": (
        with_head(
            f"{START}Transfer-Encoding: chunked\n\n", b"1\r\n \r\n0\r\n" + b"a: b\r\n" * 60_000
        ),
        "431 BAD_REQUEST",
    ),
    "a path of nineteen thousand escapes": (
        with_head(f"GET /{'%41' * 19_000} HTTP/1.1\nHost: x\n\n"),
        "414 BAD_REQUEST",
    ),
    "a thousand content codings": (
        with_headers(accept_encoding=",".join(f"x{index};q=0.5" for index in range(1200))),
        "200",
    ),
    "a compressed body": (
        with_headers(gzip.compress(b" " * MEBIBYTE), content_encoding="gzip"),
        "415 BAD_REQUEST",
    ),
    "a form": (with_headers(content_type="application/x-www-form-urlencoded"), "415 BAD_REQUEST"),
    "a body in UTF-16": (
        with_headers(
            GOOD.decode().encode("utf-16"), content_type="application/json; charset=utf-16"
        ),
        "415 BAD_REQUEST",
    ),
    "an Accept header of text/html": (with_headers(accept="text/html"), "406 BAD_REQUEST"),
    "bytes that are not UTF-8": (with_body(b'{"query": "\xff\xfe"}'), "400 BAD_REQUEST"),
    "an overlong NUL": (with_body(b'{"query": "\xc0\x80"}'), "400 BAD_REQUEST"),
    "half a surrogate pair": (with_body(b'{"query": "\\ud800"}'), "400 BAD_REQUEST"),
    "NaN": (
        with_body(b'{"query": "{ viewer { role } }", "variables": {"x": NaN}}'),
        "400 BAD_REQUEST",
    ),
    "an infinite number": (
        with_body(b'{"query": "{ viewer { role } }", "variables": {"x": 1e99999}}'),
        "400 BAD_REQUEST",
    ),
    "an integer of a million digits": (
        with_body(
            b'{"query": "{ viewer { role } }", "variables": {"x": ' + b"9" * 1_000_000 + b"}}"
        ),
        "400 BAD_REQUEST",
    ),
    "an empty body": (with_body(b""), "400 BAD_REQUEST"),
    "null": (with_body(b"null"), "400 BAD_REQUEST"),
    "a JSON string": (with_body(b'"x"'), "400 BAD_REQUEST"),
    "a batch of thousands": (
        with_body(b"[" + b",".join([GOOD] * 20_000) + b"]"),
        "400 BAD_REQUEST",
    ),
    "a million brackets": (with_body(b"[" * 1_000_000), "400 BAD_REQUEST"),
    "JSON of a hundred thousand levels": (
        with_body(
            b'{"query": "{ viewer { role } }", "variables": '
            + b'{"a":' * 100_000
            + b"1"
            + b"}" * 100_001
        ),
        "400 BAD_REQUEST",
    ),
    "JSON of five hundred levels": (
        with_body(
            b'{"query": "{ viewer { role } }", "variables": {"x": '
            + b"[" * 500
            + b"]" * 500
            + b"}}"
        ),
        "400 BAD_REQUEST",
    ),
    "headers of twenty thousand bytes": (with_headers(x_long="x" * 20_000), "431 BAD_REQUEST"),
    "thousands of headers": (with_head(START + "X: y\n" * 5000 + "\n"), "431 BAD_REQUEST"),
    "a URL of 61,000 bytes": (
        with_head(f"GET /graphql?query={'x' * 61_000} HTTP/1.1\nHost: x\n\n"),
        "414 BAD_REQUEST",
    ),
    "bytes that are not HTTP": (with_head("\x16\x03\x01 hello\n\n"), "400 BAD_REQUEST"),
    "two Content-Length headers": (
        with_head(f"{START}Content-Length: 5\nContent-Length: 32\n\n", GOOD),
        "400 BAD_REQUEST",
    ),
    "a Content-Length with chunked encoding": (
        with_head(f"{START}Content-Length: 5\nTransfer-Encoding: chunked\n\n", GOOD),
        "400 BAD_REQUEST",
    ),
    "a mutation by GET": (
        with_head(
            "GET /graphql?query=mutation%7BsignOut%7BuserErrors%7Bcode%7D%7D%7D HTTP/1.1\n"
            "Host: x\nX-Requested-With: y\n\n"
        ),
        "405 BAD_REQUEST",
    ),
    "a cross-site GET without a custom header": (
        with_head("GET /graphql?query=%7B__typename%7D HTTP/1.1\nHost: x\n\n"),
        "400 BAD_REQUEST",
    ),
    "a DELETE": (with_head("DELETE /graphql HTTP/1.1\nHost: x\n\n"), "405 BAD_REQUEST"),
    "a wrong token": (
        with_headers(authorization="Bearer twk_" + "x" * 8000),
        "401 UNAUTHENTICATED",
    ),
    "the hash of an unknown document": (
        with_body(
            b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "'
            + b"a" * 64
            + b'"}}}'
        ),
        "200 PERSISTED_QUERY_NOT_FOUND",
    ),
    "a document hash of a million letters": (
        with_body(
            b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "'
            + b"a" * 1_000_000
            + b'"}}}'
        ),
        "200 BAD_REQUEST",
    ),
    "an operation name of a million letters": (
        with_body(
            b'{"query": "{ viewer { role } }", "operationName": "' + b"a" * 1_000_000 + b'"}'
        ),
        "200 BAD_REQUEST",
    ),
}

INIT = b'{"type": "connection_init"}'
FRAMES: Mapping[str, tuple[Sequence[str | bytes], str]] = {
    "a frame of 200,000 bytes": (['"' + "x" * 200_000 + '"'], "1009"),
    "a binary frame": ([b"\x00" * 1000], "4400"),
    "a frame that is not JSON": (["{" * 100_000], "4400"),
    "a frame of forty thousand levels": (
        ['{"type": "ping", "payload": ' + '{"a":' * 20_000 + "1" + "}" * 20_001],
        "4400",
    ),
    "an unknown message type": (['{"type": "start"}'], "4400"),
    "a second connection_init": ([INIT.decode()], "4429"),
    "a subscription id in use": (
        [
            '{"type": "subscribe", "id": "a", '
            '"payload": {"query": "subscription { ticketEvents { id } }"}}'
        ]
        * 2,
        "4409",
    ),
    "a flood of pings": (['{"type": "ping"}'] * 3000, "1008"),
    "a flood of complete messages": (['{"type": "complete", "id": "x"}'] * 3000, "1008"),
}
