"""The Python client uploads and downloads files: in parts, repeated, and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from support import Service, World
from support.files import png, running_with_files
from support.python_client import LosesResponses
from support.s3 import running_s3

from models.tickets.attachment import Attachment

pytestmark = pytest.mark.without_default_policies

UNKNOWN = "att_00000000-0000-7000-8000-000000000000"


class LosesUploads(LosesResponses):
    """Loses the responses of the next `uploads` uploads."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads = 0
        self.methods: list[str] = []
        self.authorized: list[bool] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.methods.append(request.method)
        self.authorized.append("authorization" in request.headers)
        if request.method == "PUT" and self.uploads:
            self.uploads -= 1
            self.count = 1
        return await super().handle_async_request(request)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def service(url: str, storage: Path) -> AsyncIterator[Service]:
    async with running_with_files(url, storage, run_jobs=False) as found:
        yield found


@pytest.fixture
async def network() -> AsyncIterator[LosesUploads]:
    transport = LosesUploads()
    yield transport
    await transport.aclose()


@pytest.fixture
async def client(
    ticketwire_client: ModuleType, service: Service, world: World, network: LosesUploads
) -> AsyncIterator[Any]:
    """The client of an agent."""
    async with httpx2.AsyncClient(transport=network) as http:
        yield ticketwire_client.TicketwireClient(service.http, world.ada.token, http_client=http)


async def create_ticket(client: Any, api: ModuleType, *attachment_ids: str) -> str:
    values = {"subject": "VPN", "description": "See file", "category": "technical"}
    input = api.CreateTicketInput(**values, attachment_ids=list(attachment_ids))
    return str((await client.create_ticket(input)).ticket_id)


async def test_files_are_uploaded_attached_listed_and_downloaded(
    ticketwire_client: ModuleType, client: Any, network: LosesUploads, tmp_path: Path
) -> None:
    api = ticketwire_client
    report, picture = os.urandom(3_000_000), png()
    path = tmp_path / "Größe ärgert.bin"
    path.write_bytes(report)
    first = await client.upload_attachment(path)
    second = await client.upload_attachment(picture, filename="error.png")
    assert isinstance(first, api.Attachment)
    assert (first.filename, first.size) == (path.name, len(report))
    assert first.sha256 == hashlib.sha256(report).hexdigest()
    assert (first.content_type, second.content_type) == ("application/octet-stream", "image/png")

    ticket = await create_ticket(client, api, first.id)
    reply = api.ReplyToTicketInput(ticket_id=ticket, body="See", attachment_ids=[second.id])
    assert (await client.reply_to_ticket(reply)).reply.attachments == [second]
    assert (await client.list_attachments(ticket)).attachments == [first]
    assert await client.list_attachments("tkt_00000000-0000-7000-8000-000000000000") is None
    (message,) = [each async for each in client.all_messages(ticket)]
    assert message.attachments == [second]
    events = [each async for each in client.all_events()]
    added = [each.attachment for each in events if isinstance(each, api.TicketAttachmentAdded)]
    assert added == [first, second]

    to = tmp_path / "downloads" / "report.bin"
    to.parent.mkdir()
    to.write_text("an older file")
    assert await client.download_attachment(first.id, to) == first
    assert to.read_bytes() == report
    assert list(to.parent.iterdir()) == [to]
    assert await client.read_attachment(second.id) == picture
    signed = [
        has_token
        for method, has_token in zip(network.methods, network.authorized, strict=True)
        if method in ("GET", "PUT")
    ]
    assert signed == [False] * 4, "the token is not sent to signed URLs"


async def test_an_upload_whose_response_is_lost_is_stored_once(
    ticketwire_client: ModuleType, client: Any, network: LosesUploads
) -> None:
    network.uploads = 1
    found = await client.upload_attachment(b"Hello", filename="a.txt", idempotency_key="k")
    assert network.methods.count("PUT") == 2
    assert await client.upload_attachment(b"Hello", filename="a.txt", idempotency_key="k") == found
    assert network.methods.count("PUT") == 2, "it is complete"
    assert await Attachment.all().count() == 1
    ticket = await create_ticket(client, ticketwire_client, found.id)
    assert (await client.list_attachments(ticket)).attachments == [found]


async def test_an_upload_that_is_given_up_continues_with_its_key(
    ticketwire_client: ModuleType, client: Any, network: LosesUploads
) -> None:
    client.retry_seconds = 0
    network.uploads = 1
    with pytest.raises(ticketwire_client.NetworkError):
        await client.upload_attachment(b"Hello", filename="a.txt", idempotency_key="k")
    found = await client.upload_attachment(b"Hello", filename="a.txt", idempotency_key="k")
    assert found.sha256 == hashlib.sha256(b"Hello").hexdigest()
    assert await Attachment.all().count() == 1


async def test_refused_files_raise_their_reason(
    ticketwire_client: ModuleType, client: Any, service: Service, tmp_path: Path
) -> None:
    api = ticketwire_client
    with pytest.raises(api.RequestError) as refused:
        await client.upload_attachment(b"no image", filename="a.png")
    assert refused.value.code == "CONTENT_TYPE_MISMATCH"
    with pytest.raises(api.MutationRefused):
        await client.upload_attachment(b"", filename="empty.txt")
    with pytest.raises(ValueError, match="filename"):
        await client.upload_attachment(b"x")
    with pytest.raises(FileNotFoundError):
        await client.upload_attachment(tmp_path / "missing.txt")


async def test_a_file_that_cannot_be_downloaded_leaves_nothing(
    ticketwire_client: ModuleType, client: Any, service: Service, world: World, tmp_path: Path
) -> None:
    api = ticketwire_client
    to = tmp_path / "downloads" / "a.txt"
    to.parent.mkdir()
    to.write_text("before")
    input = api.CreateAttachmentInput(filename="a.txt", content_type="text/plain", size=5)
    incomplete = (await client.create_attachment(input)).attachment
    for id in (UNKNOWN, incomplete.id, world.ada.gid):
        with pytest.raises(api.NotFoundError):
            await client.download_attachment(id, to)
    found = await client.upload_attachment(b"Hello", filename="b.txt")
    async with httpx2.AsyncClient() as http:
        other = api.TicketwireClient(service.http, world.cora.token, http_client=http)
        with pytest.raises(api.NotFoundError):
            await other.read_attachment(found.id)
    assert list(to.parent.iterdir()) == [to]
    assert to.read_text() == "before"


@pytest.mark.parametrize(
    ("damaged", "error"), [(b"Hallo", "UnexpectedResponseError"), (b"Hell", "NetworkError")]
)
async def test_a_damaged_file_is_not_stored(
    ticketwire_client: ModuleType,
    client: Any,
    storage: Path,
    tmp_path: Path,
    damaged: bytes,
    error: str,
) -> None:
    client.retry_seconds = 0
    found = await client.upload_attachment(b"Hello", filename="a.txt")
    (file,) = [each for each in (storage / "stored").rglob("*") if each.is_file()]
    file.write_bytes(damaged)
    to = tmp_path / "a.txt"
    with pytest.raises(getattr(ticketwire_client, error)):
        await client.download_attachment(found.id, to)
    with pytest.raises(getattr(ticketwire_client, error)):
        await client.read_attachment(found.id)
    assert [each.name for each in tmp_path.iterdir() if "a.txt" in each.name] == []


@pytest.mark.node
async def test_files_in_s3_are_uploaded_and_downloaded(
    ticketwire_client: ModuleType, url: str, tmp_path: Path
) -> None:
    api, content = ticketwire_client, os.urandom(700_000)
    path, to = tmp_path / "report.bin", tmp_path / "copy.bin"
    path.write_bytes(content)
    async with (
        running_s3(tmp_path / "s3") as settings,
        running_with_files(url, tmp_path, **settings, run_jobs=False) as service,
        httpx2.AsyncClient() as http,
    ):
        world = await World.make()
        client = api.TicketwireClient(service.http, world.ada.token, http_client=http)
        found = await client.upload_attachment(path)
        with pytest.raises(api.NotFoundError, match="not complete"):
            await client.read_attachment(found.id)  # the server checks it when it is attached
        await create_ticket(client, api, found.id)
        assert await client.download_attachment(found.id, to) == found
    assert to.read_bytes() == content
