"""The Python client's files with a server, a storage or a name that it must not trust."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

URL = "http://tickets.example.com/graphql"
CONTENT = b"Hello"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LONG_NAME = "ई" * 85
"""255 bytes, the maximum of most file systems."""


class FileServer:
    """A server with one file, and what it answers to the upload and the download.

    sha256    the hash of the file, if it is complete
    url       the signed URL of the file
    upload    the response to its upload
    content   the response to its download
    """

    def __init__(self) -> None:
        self.sha256: str | None = SHA256
        self.url = "/files/1"
        self.upload = httpx2.Response(201)
        self.content = httpx2.Response(200, content=CONTENT)
        self.requests: list[httpx2.Request] = []
        self.announced: list[dict[str, Any]] = []

    async def respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        await request.aread()
        if request.method == "PUT":
            return self.upload
        if request.method == "GET":
            return self.content
        body = json.loads(request.content)
        attachment = {
            "id": "att_1",
            "filename": "a.txt",
            "contentType": "text/plain",
            "size": len(CONTENT),
            "sha256": self.sha256,
            "createdAt": "2026-03-02T12:00:00Z",
        }
        if body["operationName"] != "CreateAttachment":
            return httpx2.Response(200, json={"data": {"node": {**attachment, "url": self.url}}})
        self.announced.append(body["variables"]["input"])
        payload = {
            "attachment": attachment,
            "uploadUrl": "/files/1/upload" if len(self.announced) == 1 else None,
            "uploadExpiresAt": None,
            "replayed": False,
            "userErrors": [],
        }
        return httpx2.Response(200, json={"data": {"createAttachment": payload}})


@pytest.fixture
def server() -> FileServer:
    return FileServer()


@pytest.fixture
async def client(ticketwire_client: ModuleType, server: FileServer) -> AsyncIterator[Any]:
    """A client whose HTTP client follows redirects."""
    transport = httpx2.MockTransport(server.respond)
    async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as http:
        yield ticketwire_client.TicketwireClient(URL, "t", http_client=http, retry_seconds=0)


def refuse_upload(code: str) -> httpx2.Response:
    return httpx2.Response(409, json={"errors": [{"message": "no", "extensions": {"code": code}}]})


async def test_an_upload_that_the_server_has_already_is_complete(
    client: Any, server: FileServer
) -> None:
    server.upload = refuse_upload("ALREADY_UPLOADED")
    found = await client.upload_attachment(CONTENT, filename="a.txt")
    assert found.sha256 == SHA256
    first, second = server.announced
    assert first == second, "with the same key"


async def test_an_upload_that_came_too_late_is_an_error(
    ticketwire_client: ModuleType, client: Any, server: FileServer
) -> None:
    server.sha256, server.upload = None, refuse_upload("ALREADY_UPLOADED")
    with pytest.raises(ticketwire_client.NotFoundError):
        await client.upload_attachment(CONTENT, filename="a.txt")


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(409, content="<Error><Code>OperationAborted</Code></Error>"),
        httpx2.Response(302, headers={"location": "/sign-in"}),
        httpx2.Response(307, headers={"location": "http://other.example.com/"}),
    ],
    ids=["conflict in the storage", "redirect", "redirect to another server"],
)
async def test_an_upload_that_was_not_accepted_is_an_error(
    ticketwire_client: ModuleType, client: Any, server: FileServer, response: httpx2.Response
) -> None:
    server.sha256, server.upload = None, response
    with pytest.raises(ticketwire_client.UnexpectedResponseError):
        await client.upload_attachment(CONTENT, filename="a.txt")
    assert [each.method for each in server.requests] == ["POST", "PUT"]


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("server.log.gz", "application/gzip"),
        ("backup.tar.gz", "application/gzip"),
        ("drawing.svgz", "application/gzip"),
        ("server.txt.bz2", "application/octet-stream"),
        ("server.txt", "text/plain"),
        ("server", "application/octet-stream"),
    ],
)
async def test_the_type_of_a_compressed_file_is_not_that_of_its_content(
    client: Any, server: FileServer, filename: str, content_type: str
) -> None:
    await client.upload_attachment(CONTENT, filename=filename)
    assert server.announced[0]["contentType"] == content_type


async def test_a_file_is_downloaded_to_the_longest_name(client: Any, tmp_path: Path) -> None:
    to = tmp_path / LONG_NAME
    await client.download_attachment("att_1", to)
    assert to.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [to]


async def test_a_download_to_a_link_replaces_the_link_and_not_its_target(
    client: Any, tmp_path: Path
) -> None:
    target, to = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    to.symlink_to(target)
    await client.download_attachment("att_1", to)
    assert (to.is_symlink(), to.read_bytes(), target.read_text()) == (False, CONTENT, "before")


async def test_a_download_that_is_cancelled_twice_leaves_nothing(
    client: Any, server: FileServer, tmp_path: Path
) -> None:
    reached = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield CONTENT[:1]
        reached.set()
        await asyncio.Event().wait()

    server.content = httpx2.Response(200, content=parts())
    task = asyncio.ensure_future(client.download_attachment("att_1", tmp_path / "a.txt"))
    await reached.wait()
    assert len(list(tmp_path.iterdir())) == 1
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://[::1/files", "http://a.example.com:port/", "ftp://a/1"])
async def test_a_url_that_is_none_is_an_unexpected_response(
    ticketwire_client: ModuleType, client: Any, server: FileServer, url: str
) -> None:
    server.url = url
    with pytest.raises(ticketwire_client.UnexpectedResponseError):
        await client.read_attachment("att_1")


async def test_a_redirect_to_another_protocol_is_not_repeated(
    ticketwire_client: ModuleType, client: Any, server: FileServer
) -> None:
    client.retry_seconds = 3600
    server.content = httpx2.Response(302, headers={"location": "file:///etc/passwd"})
    with pytest.raises(ticketwire_client.UnexpectedResponseError):
        await client.read_attachment("att_1")


async def test_no_token_is_sent_to_the_storage(client: Any, server: FileServer) -> None:
    server.url = "https://storage.example.com/1"
    assert await client.read_attachment("att_1") == CONTENT
    request = server.requests[-1]
    assert request.url.host == "storage.example.com"
    assert "authorization" not in request.headers
