"""Attachments from their announcement to the download, and who sees them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from support import Client, Service, World
from support.files import (
    announce,
    error_of,
    png,
    read_attachment,
    send,
    stored_files,
    upload,
)

from models.log.event import Event, EventType
from models.tickets.attachment import Attachment

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]

READ_FILES = """query($id: ID!) { ticket(id: $id) {
  attachments { id filename }
  messages { nodes { __typename attachments { id url } } }
  timeline { nodes { type
    ... on TicketAttachmentAdded { attachment { id filename size } } } } } }"""


async def read_files(client: Client, ticket_id: str) -> dict[str, Any]:
    return (await client.run(READ_FILES, id=ticket_id))["ticket"]


async def test_a_file_is_announced_uploaded_attached_and_downloaded(
    ada: Client, cora: Client, folder: Path
) -> None:
    content = png()
    payload = await announce(cora, content, filename="Screen ü.png", contentType="image/png")
    pending = payload["attachment"]
    assert (pending["sha256"], pending["url"], payload["replayed"]) == (None, None, False)
    assert await read_attachment(ada, pending["id"]) is None, "only the uploader sees it"
    response = await send(cora, "PUT", payload["uploadUrl"], content)
    digest = hashlib.sha256(content).hexdigest()
    assert response.status_code == 200
    assert response.json() == {"id": pending["id"], "size": len(content), "sha256": digest}
    complete = await read_attachment(cora, pending["id"])
    assert complete is not None
    assert (complete["sha256"], complete["size"]) == (digest, len(content))
    ticket = await cora.raise_ticket(attachmentIds=[pending["id"]])
    seen = await read_files(ada, ticket["id"])
    assert seen["attachments"] == [{"id": pending["id"], "filename": "Screen ü.png"}]
    assert [each["type"] for each in seen["timeline"]["nodes"]] == [
        "TICKET_CREATED",
        "ATTACHMENT_ADDED",
    ]
    assert seen["timeline"]["nodes"][1]["attachment"] == {
        "id": pending["id"],
        "filename": "Screen ü.png",
        "size": len(content),
    }
    download = await send(ada, "GET", complete["url"])
    assert (download.status_code, download.content) == (200, content)
    stored = [each.split("/")[0] for each in stored_files(folder)]
    assert stored == ["stored", "stored"], "the file and its thumbnail; nothing in quarantine"


async def test_a_download_has_headers_that_protect_the_reader(ada: Client) -> None:
    key = await upload(ada, png(), filename='a"b ü.png', contentType="image/png")
    found = await read_attachment(ada, key)
    assert found is not None
    response = await send(ada, "GET", found["url"])
    headers = dict(response.headers)
    assert headers["content-type"] == "image/png"
    assert headers["content-disposition"] == (
        "inline; filename=\"a_b _.png\"; filename*=UTF-8''a%22b%20%C3%BC.png"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["cache-control"].startswith("private, max-age=")
    head = await send(ada, "HEAD", found["url"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(png()))


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "application/pdf"])
async def test_types_with_scripts_are_never_shown_inline(ada: Client, content_type: str) -> None:
    content = b"%PDF-1.7 <svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    key = await upload(ada, content, filename="x", contentType=content_type)
    found = await read_attachment(ada, key)
    assert found is not None
    response = await send(ada, "GET", found["url"])
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment; ")


async def test_a_notes_file_does_not_exist_for_customers(
    ada: Client, cora: Client, service: Service, world: World
) -> None:
    ticket = await cora.raise_ticket()
    secret, public = await upload(ada, b"secret"), await upload(ada, b"public")
    await ada.do("addNote", ticketId=ticket["id"], body="See file", attachmentIds=[secret])
    await ada.do("replyToTicket", ticketId=ticket["id"], body="See file", attachmentIds=[public])
    for_team, for_customer = (
        await read_files(ada, ticket["id"]),
        await read_files(cora, ticket["id"]),
    )
    assert [each["__typename"] for each in for_team["messages"]["nodes"]] == ["Note", "Reply"]
    assert [each["attachments"][0]["id"] for each in for_team["messages"]["nodes"]] == [
        secret,
        public,
    ]
    (reply,) = for_customer["messages"]["nodes"]
    assert [each["id"] for each in reply["attachments"]] == [public]
    added = [each for each in for_customer["timeline"]["nodes"] if "attachment" in each]
    assert [each["attachment"]["id"] for each in added] == [public]
    assert await read_attachment(cora, secret) is None
    assert await read_attachment(service.client(world.olga.token), public) is None
    assert (await send(cora, "GET", reply["attachments"][0]["url"])).content == b"public"


async def test_the_url_of_an_upload_can_be_used_only_once(ada: Client, folder: Path) -> None:
    payload = await announce(ada, b"first")
    results = await asyncio.gather(
        *(send(ada, "PUT", payload["uploadUrl"], body) for body in (b"first", b"other"))
    )
    assert sorted(each.status_code for each in results) == [200, 409]
    winner = next(each for each in results if each.status_code == 200).json()["sha256"]
    again = await send(ada, "PUT", payload["uploadUrl"], b"third")
    assert error_of(again) == (409, "ALREADY_UPLOADED")
    found = await read_attachment(ada, payload["attachment"]["id"])
    assert found is not None
    content = (await send(ada, "GET", found["url"])).content
    assert hashlib.sha256(content).hexdigest() == winner == found["sha256"]
    assert len(stored_files(folder)) == 1


async def test_concurrent_messages_attach_a_file_once(ada: Client, cora: Client) -> None:
    tickets = [await cora.raise_ticket() for _ in range(4)]
    key = await upload(ada)
    payloads = await asyncio.gather(
        *(
            ada.mutate(
                "replyToTicket", {"ticketId": each["id"], "body": "See", "attachmentIds": [key]}
            )
            for each in tickets
        )
    )
    assert sum(not each["userErrors"] for each in payloads) == 1
    refusals = [each["userErrors"][0] for each in payloads if each["userErrors"]]
    assert {(each["code"], *each["field"]) for each in refusals} == {
        ("INVALID", "input", "attachmentIds")
    }
    assert await Event.filter(type=EventType.ATTACHMENT_ADDED).count() == 1
    assert await Event.filter(type=EventType.REPLY_ADDED).count() == 1


async def test_repetitions_return_the_first_result(ada: Client, cora: Client) -> None:
    input = {"idempotencyKey": "k", "filename": "a.txt"}
    first = await announce(ada, b"Hello", **input)
    again = await announce(ada, b"Hello", **input)
    assert again == {**first, "replayed": True}
    assert await Attachment.all().count() == 1
    await send(ada, "PUT", first["uploadUrl"], b"Hello")
    after = await announce(ada, b"Hello", **input)
    assert (after["uploadUrl"], after["uploadExpiresAt"], after["replayed"]) == (None, None, True)
    other = await announce(ada, b"Other!", **input)
    assert other["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
    ticket = await cora.raise_ticket()
    key = first["attachment"]["id"]
    reply = {"ticketId": ticket["id"], "body": "x", "attachmentIds": [key], "idempotencyKey": "r"}
    one = await ada.do("replyToTicket", **reply)
    two = await ada.do("replyToTicket", **reply)
    assert (two["replayed"], two["reply"]["id"]) == (True, one["reply"]["id"])
    assert await Event.filter(type=EventType.ATTACHMENT_ADDED).count() == 1


async def test_a_url_is_relative_to_the_api_unless_a_setting_says_otherwise(ada: Client) -> None:
    payload = await announce(ada)
    assert payload["uploadUrl"].startswith("/files/")
    assert urljoin(ada.http, payload["uploadUrl"]).startswith("http://127.0.0.1")
