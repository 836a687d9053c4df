"""Requests that mean harm as bytes, each with the answer's status; and frames of sockets, with the codes they close with."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence

from benchmarks.attacks.target import Target

GOOD = b'{"query": "{ viewer { role } }"}'
MEBIBYTE = 1024 * 1024
Bytes = Callable[[Target], bytes]


def body(text: bytes) -> Bytes:
    return lambda target: target.request(text)


def headed(text: bytes = GOOD, **headers: str) -> Bytes:
    return lambda target: target.request(text, **headers)


def head(lines: str, rest: bytes = b"") -> Bytes:
    """A request by its own words; {token} is the attacker's."""
    return lambda target: lines.replace("{token}", target.token).replace("\n", "\r\n").encode("latin-1") + rest


START = "POST /graphql HTTP/1.1\nHost: x\nContent-Type: application/json\n"
REQUESTS: Mapping[str, tuple[Bytes, str]] = {
    "a body of two mebibytes": (body(b'{"query": "' + b" " * 2 * MEBIBYTE + b'"}'), "413 BAD_REQUEST"),
    "a body said to have an exabyte": (headed(b" " * 9 * MEBIBYTE, content_length="9" * 18), "413 BAD_REQUEST"),
    "chunks without end": (
        head(f"{START}Transfer-Encoding: chunked\n\n", (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160),
        "413 BAD_REQUEST",
    ),
    "a compressed body": (headed(gzip.compress(b" " * MEBIBYTE), content_encoding="gzip"), "415 BAD_REQUEST"),
    "a form": (headed(content_type="application/x-www-form-urlencoded"), "415 BAD_REQUEST"),
    "another encoding": (
        headed(GOOD.decode().encode("utf-16"), content_type="application/json; charset=utf-16"),
        "415 BAD_REQUEST",
    ),
    "a wish for a page": (headed(accept="text/html"), "406 BAD_REQUEST"),
    "bytes that are no UTF-8": (body(b'{"query": "\xff\xfe"}'), "400 BAD_REQUEST"),
    "an overlong NUL": (body(b'{"query": "\xc0\x80"}'), "400 BAD_REQUEST"),
    "half a surrogate pair": (body(b'{"query": "\\ud800"}'), "400 BAD_REQUEST"),
    "not a number": (body(b'{"query": "{ viewer { role } }", "variables": {"x": NaN}}'), "400 BAD_REQUEST"),
    "an infinite number": (body(b'{"query": "{ viewer { role } }", "variables": {"x": 1e99999}}'), "400 BAD_REQUEST"),
    "an integer of a million digits": (
        body(b'{"query": "{ viewer { role } }", "variables": {"x": ' + b"9" * 1_000_000 + b"}}"),
        "400 BAD_REQUEST",
    ),
    "nothing": (body(b""), "400 BAD_REQUEST"),
    "null": (body(b"null"), "400 BAD_REQUEST"),
    "a text": (body(b'"x"'), "400 BAD_REQUEST"),
    "a batch of thousands": (body(b"[" + b",".join([GOOD] * 20_000) + b"]"), "400 BAD_REQUEST"),
    "a million brackets": (body(b"[" * 1_000_000), "400 BAD_REQUEST"),
    "a million levels": (
        body(b'{"query": "{ viewer { role } }", "variables": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
        "400 BAD_REQUEST",
    ),
    "five hundred levels": (
        body(b'{"query": "{ viewer { role } }", "variables": {"x": ' + b"[" * 500 + b"]" * 500 + b"}}"),
        "400 BAD_REQUEST",
    ),
    "headers of twenty thousand bytes": (headed(x_long="x" * 20_000), "431 BAD_REQUEST"),
    "thousands of headers": (head(START + "X: y\n" * 5000 + "\n"), "431 BAD_REQUEST"),
    "a URL of 61,000 bytes": (head(f"GET /graphql?query={'x' * 61_000} HTTP/1.1\nHost: x\n\n"), "414 BAD_REQUEST"),
    "no HTTP at all": (head("\x16\x03\x01 hello\n\n"), "400 BAD_REQUEST"),
    "two lengths": (head(f"{START}Content-Length: 5\nContent-Length: 32\n\n", GOOD), "400 BAD_REQUEST"),
    "a length and chunks": (head(f"{START}Content-Length: 5\nTransfer-Encoding: chunked\n\n", GOOD), "400 BAD_REQUEST"),
    "a mutation by GET": (
        head("GET /graphql?query=mutation%7BsignOut%7BuserErrors%7Bcode%7D%7D%7D HTTP/1.1\nHost: x\nX-Requested-With: y\n\n"),
        "405 BAD_REQUEST",
    ),
    "a GET that a page could send": (head("GET /graphql?query=%7B__typename%7D HTTP/1.1\nHost: x\n\n"), "400 BAD_REQUEST"),
    "another method": (head("DELETE /graphql HTTP/1.1\nHost: x\n\n"), "405 BAD_REQUEST"),
    "a wrong token": (headed(authorization="Bearer twk_" + "x" * 8000), "401 UNAUTHENTICATED"),
    "a name of a document that nobody left": (
        body(b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "' + b"a" * 64 + b'"}}}'),
        "200 PERSISTED_QUERY_NOT_FOUND",
    ),
    "a name of a document of a million letters": (
        body(b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "' + b"a" * 1_000_000 + b'"}}}'),
        "200 BAD_REQUEST",
    ),
    "a name of an operation of a million letters": (
        body(b'{"query": "{ viewer { role } }", "operationName": "' + b"a" * 1_000_000 + b'"}'),
        "200 BAD_REQUEST",
    ),
}

INIT = b'{"type": "connection_init"}'
FRAMES: Mapping[str, tuple[Sequence[str | bytes], str]] = {
    "a frame of 200,000 bytes": (['"' + "x" * 200_000 + '"'], "1009"),
    "a binary frame": ([b"\x00" * 1000], "4400"),
    "a frame that is no JSON": (["{" * 100_000], "4400"),
    "a frame of forty thousand levels": (['{"type": "ping", "payload": ' + '{"a":' * 20_000 + "1" + "}" * 20_001], "4400"),
    "a message that is none": (['{"type": "start"}'], "4400"),
    "a second greeting": ([INIT.decode()], "4429"),
    "an id that is taken": (
        ['{"type": "subscribe", "id": "a", "payload": {"query": "subscription { ticketEvents { id } }"}}'] * 2,
        "4409",
    ),
    "a flood of pings": (['{"type": "ping"}'] * 3000, "1008"),
    "a flood of completions": (['{"type": "complete", "id": "x"}'] * 3000, "1008"),
}
