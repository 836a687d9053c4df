"""Attachments in S3-compatible storage: presigned URLs, quarantine, checks, downloads, cleanup.

The storage is s3rver, a real server, which refuses expired URLs. tests/live/s3/signature.mjs
verifies the signatures of all requests to it, of the service and of clients.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from support import Client, Service, World
from support.assert_unchanged import assert_nothing_stored
from support.files import announce, error_of, png, read_attachment, running_with_files, send
from support.live import until
from support.s3 import build_s3_store, running_s3

from models.files.s3_store import S3FileStore
from models.tickets.attachment import Attachment
from workers.file_cleanup import FileCleanup

pytestmark = [pytest.mark.node, pytest.mark.without_default_policies]


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """The settings of a running S3 server."""
    async with running_s3(tmp_path / "s3") as settings:
        yield settings


@pytest.fixture
def store(storage: dict[str, Any]) -> S3FileStore:
    return build_s3_store(storage)


@pytest.fixture
async def service(url: str, tmp_path: Path, storage: dict[str, Any]) -> AsyncIterator[Service]:
    async with running_with_files(url, tmp_path, **storage) as found:
        yield found


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


async def list_names(store: S3FileStore) -> list[str]:
    """The first parts of the keys of all stored files."""
    keys = [*await store.list_keys("files/"), *await store.list_keys("quarantine/")]
    return sorted(key.split("/")[0] for key in keys)


async def reply(client: Client, ticket_id: str, attachment_id: str) -> dict[str, Any]:
    input = {"ticketId": ticket_id, "body": "See file", "attachmentIds": [attachment_id]}
    return await client.mutate("replyToTicket", input)


async def test_a_file_goes_to_the_storage_and_comes_from_it(
    ada: Client, service: Service, world: World, store: S3FileStore
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    content = b"1;2\n" * 1_500_000  # more than one part of a multipart upload
    payload = await announce(ada, content, filename='ü".csv', contentType="text/csv")
    key = payload["attachment"]["id"]
    assert payload["uploadUrl"].startswith(store.location.endpoint)
    assert (await send(ada, "PUT", payload["uploadUrl"], content)).status_code == 200
    # The time between the upload and the reply may be longer than the URL is valid.
    service.clock.advance(minutes=30)
    assert (await reply(ada, ticket["id"], key))["userErrors"] == []
    assert await list_names(store) == ["files"]
    found = await read_attachment(cora, key)
    assert found is not None
    redirect = await send(cora, "GET", found["url"])
    assert redirect.status_code == 302
    assert redirect.headers["cache-control"] == "no-store"
    location = redirect.headers["location"]
    download = await send(cora, "GET", location)
    assert (download.status_code, download.content == content) == (200, True)
    assert download.headers["content-type"] == "application/octet-stream"
    assert download.headers["content-disposition"] == (
        "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%BC%22.csv"
    )
    assert dict(parse_qsl(urlsplit(location).query))["X-Amz-Expires"] == "60"


async def test_files_that_browsers_show_have_headers_that_protect_the_reader(
    ada: Client, service: Service, world: World, store: S3FileStore
) -> None:
    """The storage can't send these headers, so the service sends the file."""
    ticket = await service.client(world.cora.token).raise_ticket()
    payload = await announce(ada, png(), filename="screen.png", contentType="image/png")
    key = payload["attachment"]["id"]
    assert (await send(ada, "PUT", payload["uploadUrl"], png())).status_code == 200
    assert (await reply(ada, ticket["id"], key))["userErrors"] == []
    assert await list_names(store) == ["files", "files"], "the file and its thumbnail"
    query = "query($id: ID!) { node(id: $id) { ... on Attachment { url thumbnailUrl } } }"
    urls = (await ada.run(query, id=key))["node"]
    for name, content_type in (("url", "image/png"), ("thumbnailUrl", "image/webp")):
        response = await send(ada, "GET", urls[name])
        assert (response.status_code, response.headers["content-type"]) == (200, content_type)
        assert response.headers["content-disposition"].startswith("inline")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("sandbox; default-src")
    assert (await send(ada, "GET", urls["url"])).content == png()


async def test_the_storage_refuses_altered_urls(ada: Client, store: S3FileStore) -> None:
    url = (await announce(ada))["uploadUrl"]
    other = (await announce(ada))["attachment"]["id"][4:]
    path, _, query = url.partition("?")
    last = "0" if url[-1] != "0" else "1"
    altered = [
        f"{path.rpartition('/')[0]}/{other}?{query}",
        url.replace("X-Amz-Expires=", "X-Amz-Expires=1"),
        url[:-1] + last,
        path,
    ]
    for each in altered:
        assert (await send(ada, "PUT", each, b"Hello")).status_code == 403, each
    assert (await send(ada, "GET", url)).status_code == 403, "it permits nothing but the upload"
    assert await list_names(store) == []
    assert (await send(ada, "PUT", url, b"Hello")).status_code == 200


@pytest.mark.parametrize(
    ("declared", "sent", "message"),
    [
        ({"size": 4}, b"Hello", "must have 4 bytes"),
        ({"size": 6}, b"Hello", "must have 6 bytes"),
        ({"sha256": "0" * 64}, b"Hello", "SHA-256"),
        ({"contentType": "image/png"}, b"<svg><script>1</script></svg>", "not of the type"),
    ],
)
async def test_wrong_files_cannot_be_attached(
    ada: Client, store: S3FileStore, declared: dict[str, Any], sent: bytes, message: str
) -> None:
    payload = await announce(ada, sent, **declared)
    assert (await send(ada, "PUT", payload["uploadUrl"], sent)).status_code == 200
    key = payload["attachment"]["id"]
    async with assert_nothing_stored():
        refused = await reply(ada, "tkt_00000000-0000-7000-8000-000000000007", key)
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["input", "attachmentIds"])
    assert message in error["message"]
    assert await list_names(store) == [], "the refused file was deleted"


async def test_files_that_are_replaced_or_missing_are_not_attached(
    ada: Client, service: Service, world: World, store: S3FileStore
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    payload = await announce(ada)
    key = payload["attachment"]["id"]
    (error,) = (await reply(ada, ticket["id"], key))["userErrors"]
    assert "not complete" in error["message"]
    assert (await send(ada, "PUT", payload["uploadUrl"], b"Hello")).status_code == 200
    assert (await reply(ada, ticket["id"], key))["userErrors"] == []
    # The URL still works, but what it writes is not what readers get.
    await send(ada, "PUT", payload["uploadUrl"], b"WORLD")
    found = await read_attachment(ada, key)
    assert found is not None
    assert (await send(ada, "GET", found["url"])).content == b"Hello"
    own = f"/files/{key[4:]}/upload?expires=1&signature=x"
    assert error_of(await send(ada, "PUT", own, b"Hello")) == (403, "FORBIDDEN")


async def test_the_storage_refuses_expired_urls(ada: Client, store: S3FileStore) -> None:
    payload = await announce(ada)
    key = UUID(payload["attachment"]["id"][4:])
    expired = await store.presign_upload(key, timedelta(seconds=1))

    async def is_refused() -> bool:
        return (await send(ada, "PUT", expired, b"Hello")).status_code == 403

    await until(is_refused)
    lifetime = dict(parse_qsl(urlsplit(payload["uploadUrl"]).query))["X-Amz-Expires"]
    assert 0 < int(lifetime) <= 15 * 60


async def test_what_a_killed_process_has_read_is_deleted(
    service: Service, store: S3FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server reads uploads into a folder for temporary files, to check them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, new = (S3FileStore(store.location).quarantine / each for each in ("left", "new"))
    for path in (left, new):
        path.write_bytes(b"Hello")
    old = time.time() - 3 * 24 * 3600
    os.utime(left, (old, old))
    await FileCleanup(store).run_once(service.clock(), 0)
    assert (left.exists(), new.exists()) == (False, True)


async def test_files_that_are_not_attached_are_deleted_from_the_storage(
    ada: Client, service: Service, store: S3FileStore
) -> None:
    payload = await announce(ada)
    await send(ada, "PUT", payload["uploadUrl"], b"Hello")
    assert await list_names(store) == ["quarantine"]
    await FileCleanup(store).run_once(service.clock() + timedelta(hours=25), 0)
    assert await list_names(store) == []
    assert await Attachment.all().count() == 0
