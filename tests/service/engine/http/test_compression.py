"""Long responses to queries are compressed; no others are."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from support import Service, World
from support.service import running

from engine.http.compression import MIN_COMPRESSED_BYTES

INTROSPECTION = "{ __schema { types { name description fields { name description } } } }"
DECODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "br": brotli.decompress}
CREATE = """mutation($i: CreateTicketInput!) {
  createTicket(input: $i) { ticket { id description } userErrors { code } }
}"""

VARIABLES: dict[str, Any] = {
    "variables": {"i": {"subject": "s", "description": "d" * 50_000, "category": "technical"}}
}


async def post(
    service: Service, query: str, encoding: str, token: str = "", path: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body as it was sent."""

    def send() -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        body = json.dumps({"query": query, **(VARIABLES if query == CREATE else {})})
        own = {"Content-Type": "application/json", "Accept-Encoding": encoding, **headers}
        if token:
            own["Authorization"] = f"Bearer {token}"
        connection.request("POST", f"/graphql{path}", body, own)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        result = response.status, names, response.read()
        connection.close()
        return result

    return await asyncio.to_thread(send)


@pytest.mark.parametrize("encoding", DECODERS)
async def test_introspection_is_compressed(service: Service, encoding: str) -> None:
    _, plain_headers, plain = await post(service, INTROSPECTION, "identity")
    assert "content-encoding" not in plain_headers
    assert plain_headers["vary"] == "Accept-Encoding"
    status, headers, body = await post(service, INTROSPECTION, encoding)
    assert (status, headers["content-encoding"]) == (200, encoding)
    assert headers["vary"] == "Accept-Encoding"
    assert headers["content-length"] == str(len(body))
    assert json.loads(DECODERS[encoding](body))["data"] == json.loads(plain)["data"]
    assert len(body) < len(plain) / 4


async def test_many_clients_get_compressed_responses_at_once(service: Service) -> None:
    responses = await asyncio.gather(*(post(service, INTROSPECTION, "gzip") for _ in range(10)))
    bodies = {gzip.decompress(body)[:1000] for _, _, body in responses}
    assert len(bodies) == 1


async def test_short_responses_are_not_compressed(service: Service) -> None:
    _, headers, body = await post(service, "{ viewer { role } }", "gzip")
    assert "content-encoding" not in headers
    assert json.loads(body)["data"] == {"viewer": None}


async def test_a_mutation_is_never_compressed(service: Service, world: World) -> None:
    _, headers, body = await post(service, CREATE, "gzip, br", world.cora.token)
    assert "content-encoding" not in headers
    assert len(body) > MIN_COMPRESSED_BYTES
    assert json.loads(body)["data"]["createTicket"]["userErrors"] == []


async def test_an_event_stream_is_never_compressed(service: Service) -> None:
    status, headers, body = await post(
        service, INTROSPECTION, "gzip, br", path="/stream", Accept="text/event-stream"
    )
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert "content-encoding" not in headers
    assert b"event: complete" in body


async def test_other_origins_get_both_vary_headers(url: str) -> None:
    async with running(url, allowed_origins=["https://desk.example"]) as service:
        _, headers, _ = await post(service, INTROSPECTION, "gzip", Origin="https://desk.example")
        assert headers["content-encoding"] == "gzip"
        names = {name.strip() for name in headers["vary"].split(",")}
        assert names == {"Accept-Encoding", "Origin"}


async def test_a_setting_turns_compression_off(url: str) -> None:
    async with running(url, compress_responses=False) as service:
        _, headers, _ = await post(service, INTROSPECTION, "gzip, br")
        assert "content-encoding" not in headers
        assert "vary" not in headers
