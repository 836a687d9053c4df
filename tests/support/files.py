"""Uploads and downloads of attachments, as clients do them."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
from PIL import Image

from support.client import TIMEOUT_SECONDS, TLS, Client
from support.service import Service, running

ENCRYPTION_KEY = "dGlja2V0d2lyZS10ZXN0cy1vbmx5LTMyLWJ5dGVzISE="
CREATE = """mutation($input: CreateAttachmentInput!) { createAttachment(input: $input) {
  attachment { id filename contentType size sha256 url createdAt }
  uploadUrl uploadExpiresAt replayed userErrors { code message field } } }"""
ATTACHMENT = "id filename contentType size sha256 url"


@contextlib.asynccontextmanager
async def running_with_files(url: str, folder: Path, **settings: object) -> AsyncIterator[Service]:
    """The service with storage and an encryption key, whatever its database."""
    files: dict[str, object] = {
        "storage_url": f"file://{folder}",
        "encryption_keys": ENCRYPTION_KEY,
    }
    async with running(url, **{**files, **settings}) as service:
        yield service


def png(width: int = 3, height: int = 2) -> bytes:
    """A small image."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def stored_files(folder: Path) -> list[str]:
    """The names of all files of the storage, with those in quarantine."""
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


async def announce(client: Client, content: bytes = b"Hello", **input: Any) -> dict[str, Any]:
    """The payload of createAttachment for this content."""
    values = {"filename": "notes.txt", "contentType": "text/plain", "size": len(content), **input}
    return (await client.run(CREATE, input=values))["createAttachment"]


async def send(
    client: Client, method: str, path: str, content: Any = None, **headers: str
) -> httpx2.Response:
    """A request to a signed URL, without a token."""
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(
            method, urljoin(client.http, path), content=content, headers=headers
        )


async def upload(client: Client, content: bytes = b"Hello", **input: Any) -> str:
    """Announce and upload a file; return its id."""
    payload = await announce(client, content, **input)
    assert payload["userErrors"] == [], payload
    response = await send(client, "PUT", payload["uploadUrl"], content)
    assert response.status_code == 200, response.text
    assert response.json()["sha256"] == hashlib.sha256(content).hexdigest()
    return payload["attachment"]["id"]


async def read_attachment(client: Client, id: str) -> dict[str, Any] | None:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Attachment {{ {ATTACHMENT} }} }} }}"
    return (await client.run(query, id=id))["node"]


def error_of(response: httpx2.Response) -> tuple[int, str]:
    """The status and the code of a refused upload or download."""
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]
