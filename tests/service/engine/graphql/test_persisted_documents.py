"""Persisted documents, registered by clients or trusted by a manifest, over HTTP, event streams and
WebSockets."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support import Client, Service, World
from support.client import TIMEOUT_SECONDS, TLS
from support.event_stream_client import parse_events, send_request
from support.redis_server import redis_server
from support.service import running

from engine.graphql import persisted_documents
from engine.graphql.errors import RequestError
from engine.graphql.persisted_documents import (
    MAX_DOCUMENTS,
    MAX_TOTAL_CHARS,
    PersistedDocuments,
    load_manifest,
)
from settings.application import SettingsError, load

QUERY = "query Viewer { viewer { role } }"
SUBSCRIPTION = "subscription { ticketEvents { id } }"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(text: str) -> dict[str, Any]:
    """The extensions that name a document by its hash."""
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}


async def post(service: Service, **body: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return (await http.post(service.http, json=body)).json()


def codes(response: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in response.get("errors", ())]


async def stream(client: Client, method: str, **request: Any) -> dict[str, Any]:
    """The first result of an event stream."""
    if method == "GET":
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in request.items()
        }
        response = await send_request(client, method, params=parameters)
    else:
        response = await send_request(client, method, json=request)
    return parse_events(response.text)[0].payload


async def send_over_socket(service: Service, token: str | None, **payload: Any) -> dict[str, Any]:
    async with service.client(token).socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        return await socket.receive()


async def test_a_registered_document_can_be_requested_over_each_transport(
    service: Service, world: World
) -> None:
    unknown = await post(service, extensions=persisted(QUERY))
    assert [error["message"] for error in unknown["errors"]] == ["PersistedQueryNotFound"]
    assert codes(unknown) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert (await post(service, query=QUERY, extensions=persisted(QUERY)))["data"] == {
        "viewer": None
    }
    assert (await post(service, extensions=persisted(QUERY)))["data"] == {"viewer": None}
    ada = service.client(world.ada.token)
    for method in ("GET", "POST"):
        streamed = await stream(ada, method, extensions=persisted(QUERY))
        assert streamed["data"] == {"viewer": {"role": "AGENT"}}
    message = await send_over_socket(service, world.ada.token, extensions=persisted(QUERY))
    assert message["payload"]["data"] == {"viewer": {"role": "AGENT"}}


async def test_subscriptions_and_mutations_can_be_registered(
    service: Service, world: World
) -> None:
    unknown = await send_over_socket(service, world.ada.token, extensions=persisted(SUBSCRIPTION))
    assert (unknown["type"], unknown["payload"][0]["message"]) == (
        "error",
        "PersistedQueryNotFound",
    )
    refused = await send_over_socket(
        service, None, query=SUBSCRIPTION, extensions=persisted(SUBSCRIPTION)
    )
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    refused = await send_over_socket(service, None, extensions=persisted(SUBSCRIPTION))
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED", "it is registered"
    mutation = "mutation { signOut { userErrors { code } } }"
    client, extensions = service.client(), persisted(mutation)
    registered = await stream(client, "POST", query=mutation, extensions=extensions)
    assert codes(registered) == ["UNAUTHENTICATED"]
    assert codes(await stream(client, "POST", extensions=extensions)) == ["UNAUTHENTICATED"]


INVALID_EXTENSIONS: tuple[object, ...] = (
    *({}, {"version": 1}, {"version": 1, "sha256Hash": 7}, [], "x", 7),
    {"version": 2, "sha256Hash": hash_of(QUERY)},
)


async def test_a_wrong_hash_is_refused_and_registers_nothing(
    service: Service, world: World
) -> None:
    other = "query Other { viewer { scopes } }"
    extensions = persisted(QUERY)
    assert codes(await post(service, query=other, extensions=extensions)) == ["BAD_REQUEST"]
    for invalid in INVALID_EXTENSIONS:
        answer = await post(service, query=QUERY, extensions={"persistedQuery": invalid})
        assert codes(answer) == ["BAD_REQUEST"], invalid
    assert codes(await post(service, extensions=extensions)) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_an_invalid_document_is_not_registered(service: Service, world: World) -> None:
    too_many_aliases = " ".join(f"a{index}: viewer {{ role }}" for index in range(31))
    for text in ("{", "{ nothing }", "{ " + too_many_aliases + " }"):
        assert codes(await post(service, query=text, extensions=persisted(text)))
        unknown = await post(service, extensions=persisted(text))
        assert codes(unknown) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_registered_documents_are_limited_in_number_and_length() -> None:
    documents = PersistedDocuments()
    for index in range(MAX_DOCUMENTS + 10):
        documents.store(str(index), "x")
    assert len(documents.registered) == MAX_DOCUMENTS
    for index in range(10):
        documents.store(f"large {index}", "x" * (MAX_TOTAL_CHARS // 4))
    length = sum(len(text) for text in documents.registered.values())
    assert documents.total_chars == length <= MAX_TOTAL_CHARS


async def test_processes_share_documents_over_redis_and_work_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeout_seconds = persisted_documents.REDIS_TIMEOUT_SECONDS
    monkeypatch.setattr(persisted_documents, "REDIS_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    async with redis_server() as redis:
        one, other = PersistedDocuments(), PersistedDocuments()
        one.connect_redis(redis.url)
        other.connect_redis(redis.url)
        try:
            upper_case = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(QUERY).upper()}}
            one.register(QUERY, upper_case)
            for task in list(one.tasks):
                await task
            for extensions in (upper_case, persisted(QUERY)):
                assert await one.find_text("", extensions) == QUERY
                assert await PersistedDocuments().find_text(QUERY, extensions) == QUERY
            assert await other.find_text("", upper_case) == QUERY
            redis.kill()
            # Requests to Redis fail from now on.
            monkeypatch.setattr(persisted_documents, "REDIS_TIMEOUT_SECONDS", timeout_seconds)
            assert await other.find_text("", persisted(QUERY)) == QUERY
            for _ in range(2):
                with pytest.raises(RequestError, match="PersistedQueryNotFound"):
                    await other.find_text("", persisted(SUBSCRIPTION))
            other.register(SUBSCRIPTION, persisted(SUBSCRIPTION))
            assert await other.find_text("", persisted(SUBSCRIPTION)) == SUBSCRIPTION
        finally:
            await one.close()
            await other.close()


# ---------------------------------------------------------------- only trusted documents

MANIFESTS = {
    "a mapping": {hash_of(QUERY): QUERY, "events": SUBSCRIPTION},
    "Apollo's": {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [
            {"id": hash_of(QUERY), "body": QUERY, "name": "Viewer", "type": "query"},
            {"id": "events", "body": SUBSCRIPTION, "name": None, "type": "subscription"},
        ],
    },
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
async def test_only_documents_of_the_manifest_are_executed(
    url: str, tmp_path: Path, manifest: dict[str, Any]
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    async with running(url, trusted_documents=str(path)) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        trusted: tuple[dict[str, Any], ...] = (
            {"query": QUERY},
            {"extensions": persisted(QUERY)},
            {"query": QUERY, "extensions": persisted(QUERY)},
        )
        for request in trusted:
            assert (await post(service, **request))["data"] == {"viewer": None}, request
            assert (await stream(ada, "GET", **request))["data"] == {"viewer": {"role": "AGENT"}}
            message = await send_over_socket(service, world.ada.token, **request)
            assert message["payload"]["data"] == {"viewer": {"role": "AGENT"}}
        by_id = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "events"}}}
        message = await send_over_socket(service, None, **by_id)
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        other = "{ viewer { scopes } }"
        for request in (
            {"query": other},
            {"query": QUERY + " "},
            {"query": other, "extensions": persisted(other)},
            {"extensions": persisted(other)},
            {"query": other, "extensions": persisted(QUERY)},
            {"query": QUERY, **by_id},
            {"query": "{ __schema { queryType { name } } }"},
            {"query": "{"},
        ):
            assert codes(await post(service, **request)) == ["FORBIDDEN"], request
            assert codes(await stream(ada, "GET", **request)) == ["FORBIDDEN"], request
            assert codes(await stream(ada, "POST", **request)) == ["FORBIDDEN"], request
            message = await send_over_socket(service, world.ada.token, **request)
            assert message["type"] == "error", request
            assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN", request


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "7", '{"operations": [7]}', '{"operations": [{"id": "x"}]}'),
        *('{"x": 7}', "{", '{"operations": 7}'),
    ],
)
async def test_an_invalid_manifest_prevents_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="TICKETWIRE_TRUSTED_DOCUMENTS"):
        load(trusted_documents=str(path))
    with pytest.raises(ValueError, match="manifest"):
        load_manifest(str(tmp_path / "missing.json"))
