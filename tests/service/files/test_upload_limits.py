"""Limits on files and uploads: each is a setting or a constant, with a metric."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.assert_unchanged import assert_nothing_stored
from support.files import (
    announce,
    error_of,
    running_with_files,
    send,
    stored_files,
    upload,
)
from support.live import until

from engine.limit_refusals import COUNTS
from models.tickets.attachment import Attachment
from resolvers.files.uploads import MAX_CONCURRENT_UPLOADS_PER_PERSON

pytestmark = pytest.mark.without_default_policies


@pytest.fixture
async def service(url: str, folder: Path) -> AsyncIterator[Service]:
    limits = {
        "max_attachment_bytes": 5_000_000,
        "max_attachments_per_message": 2,
        "max_pending_attachments_per_person": 8,
        "max_pending_attachment_bytes_per_person": 20_000_000,
        "upload_url_minutes": 1,
    }
    async with running_with_files(url, folder, **limits) as found:
        yield found


async def test_sizes_and_numbers_are_limited_and_counted(ada: Client, cora: Client) -> None:
    names = ("attachment_size", "pending_attachments", "pending_attachment_bytes")
    before = {name: COUNTS[name] for name in (*names, "message_attachments")}
    for _ in range(4):
        assert (await announce(ada, size=5_000_000))["userErrors"] == []
    async with assert_nothing_stored():
        for size in (5_000_001, 1):
            (error,) = (await announce(ada, size=size))["userErrors"]
            assert error["code"] == "INVALID"
    keys = [await upload(cora) for _ in range(8)]
    async with assert_nothing_stored():
        (error,) = (await announce(cora))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID", None)
    ticket = await cora.raise_ticket(attachmentIds=keys[:2])
    assert (await announce(cora))["userErrors"] == [], "attached files don't count"
    many = {"ticketId": ticket["id"], "body": "x", "attachmentIds": keys[2:5]}
    assert await cora.refusal_codes("replyToTicket", **many) == ["INVALID"]
    assert {name: COUNTS[name] - count for name, count in before.items()} == {
        **dict.fromkeys(names, 1),
        "message_attachments": 1,
    }


async def test_concurrent_announcements_respect_the_limits(cora: Client, ada: Client) -> None:
    payloads = await asyncio.gather(*(announce(cora) for _ in range(14)))
    assert sum(not each["userErrors"] for each in payloads) == 8
    assert await Attachment.all().count() == 8
    assert (await announce(ada))["userErrors"] == [], "another person has limits of their own"


class SlowUpload:
    """An upload whose body waits until the test continues it."""

    def __init__(self, client: Client, url: str, first: bytes, rest: bytes) -> None:
        self.first, self.rest = first, rest
        self.go_on = asyncio.Event()
        self.task = asyncio.create_task(send(client, "PUT", url, self.body()))

    async def body(self) -> AsyncIterator[bytes]:
        yield self.first
        await self.go_on.wait()
        yield self.rest


async def has_files(folder: Path, count: int) -> bool:
    return len(stored_files(folder)) == count


async def test_uploads_that_are_cut_off_leave_nothing(ada: Client, folder: Path) -> None:
    payload = await announce(ada, bytes(3_000_000), contentType="application/octet-stream")
    slow = SlowUpload(ada, payload["uploadUrl"], bytes(1_000_000), bytes(2_000_000))
    await until(lambda: has_files(folder, 1))
    slow.task.cancel()
    await until(lambda: has_files(folder, 0))
    response = await send(ada, "PUT", payload["uploadUrl"], bytes(3_000_000))
    assert response.status_code == 200


async def test_long_bodies_arrive_whole_and_never_more_than_declared(
    ada: Client, folder: Path
) -> None:
    content = bytes(range(250)) * 20_000
    payload = await announce(ada, content, contentType="application/octet-stream")

    async def too_long() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield content

    async with assert_nothing_stored():
        response = await send(ada, "PUT", payload["uploadUrl"], too_long())
    assert error_of(response) == (413, "SIZE_MISMATCH")
    assert stored_files(folder) == []

    async def small_pieces() -> AsyncIterator[bytes]:
        for index in range(0, len(content), 1000):
            yield content[index : index + 1000]

    response = await send(ada, "PUT", payload["uploadUrl"], small_pieces())
    assert response.status_code == 200, "more chunks than other bodies may have"


async def test_concurrent_uploads_are_limited_per_person(
    ada: Client, cora: Client, folder: Path
) -> None:
    before = COUNTS["concurrent_uploads"]
    payloads = [await announce(ada) for _ in range(MAX_CONCURRENT_UPLOADS_PER_PERSON + 1)]
    slow = [SlowUpload(ada, each["uploadUrl"], b"He", b"llo") for each in payloads[1:]]
    await until(lambda: has_files(folder, len(slow)))
    refused = await send(ada, "PUT", payloads[0]["uploadUrl"], b"Hello")
    assert error_of(refused) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "5"
    assert COUNTS["concurrent_uploads"] == before + 1
    await upload(cora)
    for each in slow:
        each.go_on.set()
        assert (await each.task).status_code == 200
    assert (await send(ada, "PUT", payloads[0]["uploadUrl"], b"Hello")).status_code == 200


async def test_without_storage_files_are_refused(url: str) -> None:
    settings: dict[str, Any] = {"storage_url": "", "encryption_keys": ""}
    async with running_with_files(url, Path("/nonexistent"), **settings) as service:
        world = await World.make()
        payload = await announce(service.client(world.ada.token))
        codes = [each["code"] for each in payload["userErrors"]]
        assert codes == ([] if url.startswith("sqlite") else ["NOT_ENABLED"])
