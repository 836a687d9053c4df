"""Documents by their hash: left by clients, or on the list of a manifest, over HTTP, event streams and sockets."""

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

from engine.graphql import persisted_documents as engine_trusted
from engine.graphql.errors import RequestError
from engine.graphql.persisted_documents import MAX_DOCUMENTS, MAX_TEXT_CHARACTERS, PersistedDocuments, load_manifest
from settings import SettingsError, load

VIEWER = "query Who { viewer { role } }"
FOLLOW = "subscription { ticketEvents { id } }"


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(text: str, **more: Any) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashed(text), **more}}


async def post(service: Service, **body: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return (await http.post(service.http, json=body)).json()


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


async def result(client: Client, method: str, **asked: Any) -> dict[str, Any]:
    """The one result that an event stream tells."""
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
    answer = await send_request(client, method, **({"params": given} if method == "GET" else {"json": asked}))
    return parse_events(answer.text)[0].payload


async def over_socket(service: Service, token: str | None, **payload: Any) -> dict[str, Any]:
    async with service.client(token).socket() as socket:
        await socket.send({"type": "subscribe", "id": "1", "payload": payload})
        return await socket.receive()


async def test_a_document_that_was_left_once_is_known_by_its_hash_everywhere(service: Service, world: World) -> None:
    unknown = await post(service, extensions=persisted(VIEWER))
    assert [error["message"] for error in unknown["errors"]] == ["PersistedQueryNotFound"]
    assert codes(unknown) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert (await post(service, query=VIEWER, extensions=persisted(VIEWER)))["data"] == {"viewer": None}
    assert (await post(service, extensions=persisted(VIEWER)))["data"] == {"viewer": None}
    ada = service.client(world.ada.token)
    for method in ("GET", "POST"):
        assert (await result(ada, method, extensions=persisted(VIEWER)))["data"] == {"viewer": {"role": "AGENT"}}
    told = await over_socket(service, world.ada.token, extensions=persisted(VIEWER))
    assert told["payload"]["data"] == {"viewer": {"role": "AGENT"}}


async def test_a_subscription_and_a_mutation_may_come_by_their_hash(service: Service, world: World) -> None:
    unknown = await over_socket(service, world.ada.token, extensions=persisted(FOLLOW))
    assert (unknown["type"], unknown["payload"][0]["message"]) == ("error", "PersistedQueryNotFound")
    wrong = await over_socket(service, None, query=FOLLOW, extensions=persisted(FOLLOW))
    assert wrong["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    wrong = await over_socket(service, None, extensions=persisted(FOLLOW))
    assert wrong["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED", "known by now"
    leave = "mutation { signOut { userErrors { code } } }"
    assert codes(await result(service.client(), "POST", query=leave, extensions=persisted(leave))) == ["UNAUTHENTICATED"]
    assert codes(await result(service.client(), "POST", extensions=persisted(leave))) == ["UNAUTHENTICATED"]


async def test_a_hash_of_something_else_is_refused_and_kept_for_nothing(service: Service, world: World) -> None:
    other = "query Other { viewer { scopes } }"
    extensions = persisted(VIEWER)
    assert codes(await post(service, query=other, extensions=extensions)) == ["BAD_REQUEST"]
    for odd in ({}, {"version": 2, "sha256Hash": hashed(VIEWER)}, {"version": 1}, {"version": 1, "sha256Hash": 7}, [], "x", 7):
        assert codes(await post(service, query=VIEWER, extensions={"persistedQuery": odd})) == ["BAD_REQUEST"], odd
    assert codes(await post(service, extensions=extensions)) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_what_could_not_be_run_is_not_kept(service: Service, world: World) -> None:
    for text in ("{", "{ nothing }", "{ " + " ".join(f"a{place}: viewer {{ role }}" for place in range(31)) + " }"):
        assert codes(await post(service, query=text, extensions=persisted(text)))
        assert codes(await post(service, extensions=persisted(text))) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_what_is_left_is_bounded() -> None:
    trusted = PersistedDocuments()
    for place in range(MAX_DOCUMENTS + 10):
        trusted.store(str(place), "x")
    assert len(trusted.registered) == MAX_DOCUMENTS
    for place in range(10):
        trusted.store(f"large {place}", "x" * (MAX_TEXT_CHARACTERS // 4))
    assert trusted.text_characters == sum(map(len, trusted.registered.values())) <= MAX_TEXT_CHARACTERS


async def test_processes_know_each_others_documents_by_redis_and_do_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = engine_trusted.REDIS_TIMEOUT_SECONDS
    monkeypatch.setattr(engine_trusted, "REDIS_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    async with redis_server() as redis:
        one, other = PersistedDocuments(), PersistedDocuments()
        one.connect_redis(redis.url)
        other.connect_redis(redis.url)
        try:
            one.register(VIEWER, persisted(VIEWER))
            for task in list(one.tasks):
                await task
            assert await other.find_text("", persisted(VIEWER)) == VIEWER
            redis.kill()
            monkeypatch.setattr(engine_trusted, "REDIS_TIMEOUT_SECONDS", patience)  # what is asked from now on fails
            assert await other.find_text("", persisted(VIEWER)) == VIEWER
            for _ in range(2):
                with pytest.raises(RequestError, match="PersistedQueryNotFound"):
                    await other.find_text("", persisted(FOLLOW))
            other.register(FOLLOW, persisted(FOLLOW))
            assert await other.find_text("", persisted(FOLLOW)) == FOLLOW
        finally:
            await one.close()
            await other.close()


# ---------------------------------------------------------------- a list, and nothing else

MANIFESTS = {
    "a map": {hashed(VIEWER): VIEWER, "events": FOLLOW},
    "Apollo's": {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [
            {"id": hashed(VIEWER), "body": VIEWER, "name": "Who", "type": "query"},
            {"id": "events", "body": FOLLOW, "name": None, "type": "subscription"},
        ],
    },
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
async def test_only_what_is_on_the_list_is_run(url: str, tmp_path: Path, manifest: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    async with running(url, trusted_documents=str(path)) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        for asked in ({"query": VIEWER}, {"extensions": persisted(VIEWER)}, {"query": VIEWER, "extensions": persisted(VIEWER)}):
            assert (await post(service, **asked))["data"] == {"viewer": None}, asked
            assert (await result(ada, "GET", **asked))["data"] == {"viewer": {"role": "AGENT"}}
            assert (await over_socket(service, world.ada.token, **asked))["payload"]["data"] == {"viewer": {"role": "AGENT"}}
        by_id = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "events"}}}
        assert (await over_socket(service, None, **by_id))["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        other = "{ viewer { scopes } }"
        for asked in (
            {"query": other},
            {"query": VIEWER + " "},
            {"query": other, "extensions": persisted(other)},
            {"extensions": persisted(other)},
            {"query": other, "extensions": persisted(VIEWER)},
            {"query": VIEWER, **by_id},
            {"query": "{ __schema { queryType { name } } }"},
            {"query": "{"},
        ):
            assert codes(await post(service, **asked)) == ["FORBIDDEN"], asked
            assert codes(await result(ada, "GET", **asked)) == ["FORBIDDEN"], asked
            assert codes(await result(ada, "POST", **asked)) == ["FORBIDDEN"], asked
            told = await over_socket(service, world.ada.token, **asked)
            assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN"), asked


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"operations": [7]}', '{"operations": [{"id": "x"}]}', '{"x": 7}', "{", '{"operations": 7}']
)
async def test_a_manifest_that_is_none_stops_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="TICKETWIRE_TRUSTED_DOCUMENTS"):
        load(trusted_documents=str(path))
    with pytest.raises(ValueError, match="manifest"):
        load_manifest(str(tmp_path / "missing.json"))
