"""Uploads and URLs that are refused, each with its exact code; nothing is stored."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from support import Client, Service, World
from support.assert_unchanged import assert_nothing_stored
from support.files import (
    announce,
    error_of,
    png,
    read_attachment,
    send,
    stored_files,
    upload,
)

from models.tickets.attachment import Attachment

pytestmark = pytest.mark.without_default_policies

MISSING = "att_00000000-0000-7000-8000-000000000007"


def build_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to have so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack("!L", len(data)) + kind + data + pack("!L", zlib.crc32(kind + data))

    header = pack("!LLBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"filename": ""}, "REQUIRED filename"),
        ({"filename": " \u200b"}, "REQUIRED filename"),
        ({"filename": "../../etc/passwd"}, "INVALID filename"),
        ({"filename": "a\\b.txt"}, "INVALID filename"),
        ({"filename": ".."}, "INVALID filename"),
        ({"filename": "a\0.txt"}, "INVALID filename"),
        ({"filename": "a\r\nSet-Cookie: x"}, "INVALID filename"),
        ({"filename": "gpj.\u202eexe"}, "INVALID filename"),
        ({"filename": "a\u2066b"}, "INVALID filename"),
        ({"filename": "x" * 256}, "TOO_LONG filename"),
        ({"filename": "ü" * 128}, "TOO_LONG filename"),
        ({"contentType": ""}, "INVALID contentType"),
        ({"contentType": "text"}, "INVALID contentType"),
        ({"contentType": "text/plain\r\nX: y"}, "INVALID contentType"),
        ({"contentType": "a/" + "b" * 200}, "TOO_LONG contentType"),
        ({"size": 0}, "INVALID size"),
        ({"size": -1}, "INVALID size"),
        ({"size": 26_214_401}, "INVALID size"),
        ({"sha256": ""}, "INVALID sha256"),
        ({"sha256": "g" * 64}, "INVALID sha256"),
        ({"sha256": "0" * 63}, "INVALID sha256"),
        ({"idempotencyKey": ""}, "INVALID idempotencyKey"),
    ],
)
async def test_announcements_with_invalid_values_are_refused(
    ada: Client, input: dict[str, Any], error: str
) -> None:
    async with assert_nothing_stored():
        payload = await announce(ada, **input)
        (found,) = payload["userErrors"]
        assert f"{found['code']} {found['field'][1]}" == error
        assert (payload["attachment"], payload["uploadUrl"]) == (None, None)


async def test_all_errors_of_an_announcement_are_returned_at_once(ada: Client) -> None:
    payload = await announce(ada, filename="a/b", contentType="x", size=0, sha256="y")
    fields = [each["field"][1] for each in payload["userErrors"]]
    assert fields == ["filename", "contentType", "size", "sha256"]


@pytest.mark.parametrize(
    ("declared", "sent", "error"),
    [
        ({"size": 4}, b"Hello", (413, "SIZE_MISMATCH")),
        ({"size": 6}, b"Hello", (422, "SIZE_MISMATCH")),
        ({"size": 5}, b"", (422, "SIZE_MISMATCH")),
        ({"sha256": "0" * 64}, b"Hello", (422, "SHA256_MISMATCH")),
        ({"contentType": "image/png"}, b"Hello", (422, "CONTENT_TYPE_MISMATCH")),
        ({"contentType": "image/webp"}, b"RIFF1234WAVE", (422, "CONTENT_TYPE_MISMATCH")),
        (
            {"contentType": "image/jpeg"},
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
            (422, "CONTENT_TYPE_MISMATCH"),
        ),
        (
            {"contentType": "application/pdf"},
            b"PK\x03\x04" + bytes(40),
            (422, "CONTENT_TYPE_MISMATCH"),
        ),
        ({"contentType": "application/zip"}, b"MZ\x90" + bytes(40), (422, "CONTENT_TYPE_MISMATCH")),
        ({"contentType": "video/mp4"}, b"<html>" + b"x" * 40, (422, "CONTENT_TYPE_MISMATCH")),
        ({"contentType": "text/plain"}, b"MZ\x90\x00", (422, "CONTENT_TYPE_MISMATCH")),
        ({"contentType": "image/png"}, build_bomb(50_000, 50_000), (422, "IMAGE_TOO_LARGE")),
        ({"contentType": "image/png"}, build_bomb(2**31 - 1, 2**31 - 1), (422, "IMAGE_TOO_LARGE")),
        ({"contentType": "image/png"}, b"\x89PNG\r\n\x1a\n" + bytes(50), (422, "IMAGE_DAMAGED")),
        ({"contentType": "image/gif"}, b"GIF89a", (422, "IMAGE_DAMAGED")),
    ],
)
async def test_files_that_differ_from_their_declaration_are_refused(
    ada: Client, folder: Path, declared: dict[str, Any], sent: bytes, error: tuple[int, str]
) -> None:
    payload = await announce(ada, sent, **declared)
    assert payload["userErrors"] == []
    async with assert_nothing_stored():
        assert error_of(await send(ada, "PUT", payload["uploadUrl"], sent)) == error

        async def in_pieces() -> Any:  # without Content-Length
            for index in range(0, len(sent), 3):
                yield sent[index : index + 3]

        assert error_of(await send(ada, "PUT", payload["uploadUrl"], in_pieces())) == error
    assert stored_files(folder) == []
    found = await read_attachment(ada, payload["attachment"]["id"])
    assert found is not None
    assert (found["url"], found["sha256"]) == (None, None)


async def test_a_refused_file_can_be_uploaded_again_correctly(ada: Client) -> None:
    payload = await announce(ada, sha256=hashlib.sha256(b"Hello").hexdigest().upper())
    wrong = await send(ada, "PUT", payload["uploadUrl"], b"World")
    assert error_of(wrong) == (422, "SHA256_MISMATCH")
    assert (await send(ada, "PUT", payload["uploadUrl"], b"Hello")).status_code == 200


async def test_forged_altered_and_expired_urls_are_refused(
    ada: Client, service: Service, folder: Path
) -> None:
    payload, other = await announce(ada), await announce(ada)
    url = payload["uploadUrl"]
    key, other_key = (each["attachment"]["id"][4:] for each in (payload, other))
    path, _, query = url.partition("?")
    expires = int(query.split("&")[0].removeprefix("expires="))
    altered = [
        url.replace(key, other_key),
        url.replace(f"expires={expires}", f"expires={expires + 1}"),
        url.replace(f"expires={expires}", f"expires=0{expires}"),
        url[:-1],
        url + "x",
        url + "%00%ff",
        path,
        f"{path}?expires={expires}",
        f"{path}?expires=&signature=",
        f"{path}?expires={'9' * 400}&signature=ü",
    ]
    async with assert_nothing_stored():
        for each in altered:
            assert error_of(await send(ada, "PUT", each, b"Hello")) == (403, "FORBIDDEN"), each
        download = url.replace("/upload", "/content")
        assert error_of(await send(ada, "GET", download)) == (403, "FORBIDDEN")
        for each in ("x", "..%2f..%2fetc", key.upper(), f"{key}%00"):
            assert (await send(ada, "PUT", url.replace(key, each), b"Hello")).status_code == 404
        assert (await send(ada, "POST", url, b"Hello")).status_code == 405
        service.clock.advance(minutes=16)
        response = await send(ada, "PUT", url, b"Hello")
        assert error_of(response) == (403, "FORBIDDEN")
        assert "expired" in response.json()["errors"][0]["message"]
    assert stored_files(folder) == []


async def test_the_url_of_a_download_expires(ada: Client, service: Service) -> None:
    found = await read_attachment(ada, await upload(ada, png(), contentType="image/png"))
    assert found is not None
    assert (await send(ada, "PUT", found["url"], b"x")).status_code == 405
    upload_url = found["url"].replace("/content", "/upload")
    assert error_of(await send(ada, "PUT", upload_url, b"x")) == (403, "FORBIDDEN")
    thumbnail = found["url"].replace("/content", "/thumbnail")
    assert error_of(await send(ada, "GET", thumbnail)) == (403, "FORBIDDEN")
    service.clock.advance(minutes=6)
    assert error_of(await send(ada, "GET", found["url"])) == (403, "FORBIDDEN")


async def test_a_stored_file_that_is_gone_is_not_found(ada: Client) -> None:
    key = await upload(ada)
    found = await read_attachment(ada, key)
    assert found is not None
    await Attachment.filter(id=key[4:]).update(storage_key="files/gone")
    assert error_of(await send(ada, "GET", found["url"])) == (404, "NOT_FOUND")


@pytest.mark.parametrize("mutation", ["replyToTicket", "addNote", "createTicket"])
async def test_only_own_complete_unused_files_can_be_attached(
    ada: Client, cora: Client, service: Service, world: World, mutation: str
) -> None:
    ticket = await cora.raise_ticket()
    fields: dict[str, Any] = {"ticketId": ticket["id"], "body": "x"}
    if mutation == "createTicket":
        fields = {
            "subject": "x",
            "description": "x",
            "category": "technical",
            "requesterId": world.cora.gid,
        }
    used, own, foreign = await upload(ada), await upload(ada), await upload(cora)
    await ada.do("addNote", ticketId=ticket["id"], body="x", attachmentIds=[used])
    pending = (await announce(ada))["attachment"]["id"]
    cases = [
        ([MISSING], "NOT_FOUND"),
        ([foreign], "NOT_FOUND"),
        (["att_x"], "NOT_FOUND"),
        ([""], "NOT_FOUND"),
        (["x" * 10_000], "NOT_FOUND"),
        ([ticket["id"]], "NOT_FOUND"),
        ([own, MISSING], "NOT_FOUND"),
        ([pending], "INVALID"),
        ([used], "INVALID"),
        ([own, own], "INVALID"),
        ([own] * 11, "INVALID"),
    ]
    async with assert_nothing_stored():
        for attachment_ids, code in cases:
            payload = await ada.mutate(mutation, {**fields, "attachmentIds": attachment_ids})
            assert payload["ticket"] is None
            (error,) = payload["userErrors"]
            assert (error["code"], error["field"]) == (code, ["input", "attachmentIds"])
    for attachment_ids in ([], None, [own]):
        await ada.do(mutation, **fields, attachmentIds=attachment_ids)
