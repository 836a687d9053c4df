"""Thumbnails, and the virus scanner, which a real TCP server of clamd's protocol stands for."""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from support import Client, World
from support.files import (
    announce,
    error_of,
    png,
    read_attachment,
    running_with_files,
    send,
    stored_files,
    upload,
)

from models.tickets.attachment import Attachment

pytestmark = pytest.mark.without_default_policies

READ_THUMBNAIL = "query($id: ID!) { node(id: $id) { ... on Attachment { thumbnailUrl } } }"
VIRUS = b"a virus"


async def thumbnail_of(client: Client, id: str) -> str | None:
    return (await client.run(READ_THUMBNAIL, id=id))["node"]["thumbnailUrl"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_images_get_new_small_images_without_hidden_data(ada: Client, format: str) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    Image.new("RGB", (900, 300), (10, 200, 30)).save(buffer, format, exif=exif)
    key = await upload(ada, buffer.getvalue(), contentType=f"image/{format.lower()}")
    url = await thumbnail_of(ada, key)
    assert url is not None
    response = await send(ada, "GET", url)
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["content-security-policy"].startswith("sandbox")
    with Image.open(io.BytesIO(response.content)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 107))
    assert b"secret" not in response.content


async def test_other_files_have_no_thumbnail(ada: Client) -> None:
    assert await thumbnail_of(ada, await upload(ada)) is None
    pending = await announce(ada, png(), contentType="image/png")
    assert await thumbnail_of(ada, pending["attachment"]["id"]) is None


class Clamd:
    """A server that speaks the protocol of clamd's INSTREAM."""

    def __init__(self) -> None:
        self.scanned: list[bytes] = []
        self.answer: bytes | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while size := struct.unpack("!L", await reader.readexactly(4))[0]:
                content += await reader.readexactly(size)
            self.scanned.append(content)
            found = b"stream: Test.Virus FOUND\0" if VIRUS in content else b"stream: OK\0"
            writer.write(found if self.answer is None else self.answer)
            await writer.drain()
        writer.close()


@pytest.fixture
async def clamd() -> AsyncIterator[tuple[Clamd, int]]:
    scanner = Clamd()
    async with await asyncio.start_server(scanner.serve, "127.0.0.1") as server:
        yield scanner, server.sockets[0].getsockname()[1]


async def test_a_virus_scanner_sees_every_file_and_decides(
    url: str, folder: Path, clamd: tuple[Clamd, int]
) -> None:
    scanner, port = clamd
    async with running_with_files(url, folder, virus_scanner=f"127.0.0.1:{port}") as service:
        ada = service.client((await World.make()).ada.token)
        large = bytes(200_000)
        await upload(ada, large, contentType="application/octet-stream")
        assert scanner.scanned == [large]
        payload = await announce(ada, VIRUS)
        refused = await send(ada, "PUT", payload["uploadUrl"], VIRUS)
        assert error_of(refused) == (422, "MALWARE_FOUND")
        for answer in (b"INSTREAM size limit exceeded. ERROR\0", b"", b"nonsense\0", b"x" * 100):
            scanner.answer = answer
            payload = await announce(ada, b"harmless")
            refused = await send(ada, "PUT", payload["uploadUrl"], b"harmless")
            assert error_of(refused) == (503, "SCANNER_UNAVAILABLE"), answer
        assert await Attachment.filter(storage_key=None).count() == 5
        assert len(stored_files(folder)) == 1


async def test_without_its_scanner_the_server_refuses_files(url: str, folder: Path) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1") as closed:
        port = closed.sockets[0].getsockname()[1]
    async with running_with_files(url, folder, virus_scanner=f"127.0.0.1:{port}") as service:
        ada = service.client((await World.make()).ada.token)
        payload = await announce(ada)
        refused = await send(ada, "PUT", payload["uploadUrl"], b"Hello")
        assert error_of(refused) == (503, "SCANNER_UNAVAILABLE")
        read = await read_attachment(ada, payload["attachment"]["id"])
        assert read is not None
        assert read["url"] is None
        assert stored_files(folder) == []
