"""A customer and an agent exchange files, with a server that is killed on the way."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import Client, World
from support.files import (
    ENCRYPTION_KEY,
    announce,
    png,
    read_attachment,
    send,
    stored_files,
    upload,
)
from support.live import until
from support.service import Process, start

from models import database
from models.people.user import User

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]

READ = """query($id: ID!) { ticket(id: $id) { attachments { id url thumbnailUrl }
  messages { nodes { __typename attachments { id filename url } } }
  timeline { nodes { type } } } }"""
FOLLOW = """subscription($id: ID!, $after: String) {
  ticketEvents(ticketId: $id, after: $after) { type
  ... on TicketAttachmentAdded { attachment { filename url } } } }"""


async def start_server(url: str, folder: Path) -> Process:
    return await start(
        url,
        TICKETWIRE_STORAGE_URL=f"file://{folder}",
        TICKETWIRE_ENCRYPTION_KEYS=ENCRYPTION_KEY,
    )


async def read_ticket(client: Client, ticket_id: str) -> dict[str, Any]:
    return (await client.run(READ, id=ticket_id))["ticket"]


async def test_files_survive_a_killed_server_and_notes_stay_hidden(
    url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "storage"
    await database.connect(url)
    try:
        world = await World.make()
        assert await User.exists()
    finally:
        await database.disconnect()
    screenshot, report = png(800, 600), os.urandom(3_000_000)
    server = await start_server(url, folder)
    try:
        cora, ada = server.client(world.cora.token), server.client(world.ada.token)
        picture = await upload(cora, screenshot, filename="error.png", contentType="image/png")
        values = {"subject": "It fails", "description": "See file", "category": "technical"}
        created = await cora.do("createTicket", **values, attachmentIds=[picture])
        ticket = created["ticket"]
        (seen,) = (await read_ticket(ada, ticket["id"]))["attachments"]
        assert (await send(ada, "GET", seen["url"])).content == screenshot
        assert (await send(ada, "GET", seen["thumbnailUrl"])).status_code == 200

        # The server is killed in the middle of an upload. The client repeats it.
        declared = {"filename": "report.bin", "contentType": "application/octet-stream"}
        payload = await announce(ada, report, **declared)
        more = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield report[:1_500_000]
            await more.wait()
            yield report[1_500_000:]

        sending = asyncio.create_task(send(ada, "PUT", payload["uploadUrl"], body()))

        async def is_in_quarantine() -> bool:
            return any(each.startswith("quarantine/") for each in stored_files(folder))

        await until(is_in_quarantine)
        server.kill()
        more.set()
        assert isinstance((await asyncio.gather(sending, return_exceptions=True))[0], Exception)
        server = await start_server(url, folder)
        cora, ada = server.client(world.cora.token), server.client(world.ada.token)
        response = await send(ada, "PUT", payload["uploadUrl"], report)
        assert response.json()["sha256"] == hashlib.sha256(report).hexdigest()

        internal = await upload(ada, b"Don't tell them", filename="internal.txt")
        async with cora.socket() as socket:
            await socket.subscribe(FOLLOW, id=ticket["id"], after=created["cursor"])
            note = {"ticketId": ticket["id"], "body": "For the team", "attachmentIds": [internal]}
            await ada.do("addNote", **note)
            reply = {**note, "body": "The report", "attachmentIds": [payload["attachment"]["id"]]}
            await ada.do("replyToTicket", **reply)
            received = await socket.take("ticketEvents", 3)
        types = [each["type"] for each in received]
        assert types == ["REPLY_ADDED", "STATUS_CHANGED", "ATTACHMENT_ADDED"], "no note"
        assert received[2]["attachment"]["filename"] == "report.bin"
        server.kill()
        server = await start_server(url, folder)
        cora = server.client(world.cora.token)
        found = await read_ticket(cora, ticket["id"])
        (message,) = found["messages"]["nodes"]
        assert [each["filename"] for each in message["attachments"]] == ["report.bin"]
        assert (await send(cora, "GET", message["attachments"][0]["url"])).content == report
        assert await read_attachment(cora, internal) is None
        assert "NOTE_ADDED" not in [each["type"] for each in found["timeline"]["nodes"]]
    finally:
        server.kill()
