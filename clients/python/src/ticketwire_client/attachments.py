"""Sends and receives files: in parts, to and from signed URLs, with SHA-256.

A signed URL needs no token, so none is sent: the URL may be one of another server.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import tempfile
from asyncio import timeout, to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin
from uuid import uuid4

import httpx2

from .errors import NetworkError, NotFoundError, RequestError, UnexpectedResponseError
from .generated.client import GeneratedClient
from .generated.input_types import CreateAttachmentInput
from .models import Attachment, StoredAttachment
from .transport import build_timeout, convert_error, read_response

PART_BYTES = 256 * 1024
ANY_TYPE = "application/octet-stream"
COMPRESSED_TYPES = {"gzip": "application/gzip"}
ALREADY_UPLOADED = "ALREADY_UPLOADED"
GET_ATTACHMENT = """query GetAttachment($id: ID!) {
  node(id: $id) { ... on Attachment { id filename contentType size sha256 createdAt url } }
}"""


class AttachmentClient(GeneratedClient):
    async def upload_attachment(
        self,
        source: Path | bytes,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        idempotency_key: str | None = None,
    ) -> Attachment:
        """Upload a file. Then pass its id in `attachment_ids` to attach it.

        source           its path, or its content
        filename         by default the name of the path; content needs one
        content_type     by default that of the filename's extension
        idempotency_key  the same key and file give the same attachment, for a day

        It is announced with its SHA-256, sent in parts, and repeated after interruptions. Raises
        MutationRefused, a RequestError with the code of the refusal, such as
        CONTENT_TYPE_MISMATCH, and OSError.
        """
        file = await to_thread(inspect_file, source, filename, content_type)
        input = CreateAttachmentInput(
            filename=file.filename,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            idempotency_key=idempotency_key or uuid4().hex,
        )
        attachment, url = await self._announce(input)
        if url is not None:
            upload_url = url
            try:
                await self.repeat(lambda: self._send(upload_url, file), is_safe=True)
            except RequestError as error:
                if error.code != ALREADY_UPLOADED:
                    raise
                # An earlier attempt, whose response was lost, has sent it, or this one is too late.
                attachment, url = (await self._announce(input))[0], None
        if url is None and attachment.sha256 is None:
            raise not_found(f"The time for the upload of {attachment.id} is over; use another key.")
        return attachment.model_copy(update={"sha256": file.sha256})

    async def download_attachment(self, attachment_id: str, to: Path) -> Attachment:
        """Download a file to a path, in parts. An existing file is replaced when all parts have
        arrived and have the right SHA-256; before, nothing is there.

        Raises NotFoundError if the viewer may not see the file, or if it is not complete or was
        erased, and OSError.
        """
        with temporary_file(to.parent) as (descriptor, part_file):
            with os.fdopen(descriptor, "wb") as file:

                def begin() -> None:
                    file.seek(0)
                    file.truncate()

                async def write(part: bytes) -> None:
                    await to_thread(file.write, part)

                attachment = await self._download(attachment_id, begin, write)
            await to_thread(part_file.replace, to)
        return attachment

    async def read_attachment(self, attachment_id: str) -> bytes:
        """Download a file into memory. Raises NotFoundError, as `download_attachment`."""
        content = bytearray()

        async def write(part: bytes) -> None:
            if len(content) + len(part) > self.endpoint.max_response_bytes:
                raise UnexpectedResponseError(
                    f"the file has more than {self.endpoint.max_response_bytes:,} bytes"
                )
            content.extend(part)

        await self._download(attachment_id, content.clear, write)
        return bytes(content)

    # ---------------------------------------------------------------- one attempt

    async def _announce(self, input: CreateAttachmentInput) -> tuple[Attachment, str | None]:
        """The attachment, and the URL for its upload unless it is complete or too late."""
        payload = await self.create_attachment(input)
        if payload.attachment is None:
            raise UnexpectedResponseError("the server announced no attachment")
        return payload.attachment, payload.upload_url

    def _resolve(self, url: str) -> httpx2.URL:
        """A signed URL, which may be relative. Raises UnexpectedResponseError."""
        try:
            resolved = httpx2.URL(urljoin(self.endpoint.url, url))
        except (httpx2.InvalidURL, ValueError) as error:
            raise UnexpectedResponseError(f"not the URL of a file: {error}") from error
        if resolved.scheme not in ("http", "https"):
            raise UnexpectedResponseError(f"not the URL of a file: {resolved.scheme}")
        return resolved

    async def _send(self, url: str, file: File) -> None:
        request = self.endpoint.http.build_request(
            "PUT",
            self._resolve(url),
            content=file.read_parts(),
            headers={"content-length": str(file.size)},
            timeout=build_timeout(self.timeout_seconds),
        )
        try:
            # A redirect would become a GET without the file, whose response can look like success.
            response = await self.endpoint.http.send(request, stream=True, follow_redirects=False)
            async with timeout(self.timeout_seconds):
                content = await self.endpoint.read_content(response)
        except TimeoutError as error:
            raise NetworkError("Timeout: the response to the upload has no end") from error
        except httpx2.RequestError as error:
            raise convert_error(error) from error
        if not response.is_success:
            read_response(response, content)

    async def _download(
        self,
        attachment_id: str,
        begin: Callable[[], None],
        write: Callable[[bytes], Awaitable[None]],
    ) -> Attachment:
        async def attempt() -> Attachment:
            attachment = await self._find(attachment_id)
            begin()
            await self._receive(attachment, write)
            return Attachment.model_validate(attachment.model_dump())

        return await self.repeat(attempt, is_safe=True)

    async def _find(self, attachment_id: str) -> StoredAttachment:
        result = await self.execute(GET_ATTACHMENT, "GetAttachment", {"id": attachment_id})
        node = result.data["node"]
        if not node:  # null, or an object of another type, of which nothing is selected
            raise not_found(f"There is no attachment {attachment_id} for this viewer.")
        attachment = StoredAttachment.model_validate(node)
        if attachment.url is None:
            raise not_found(f"The file of {attachment_id} is not complete, or was erased.")
        return attachment

    async def _receive(
        self, attachment: StoredAttachment, write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Raises UnexpectedResponseError unless the file is the one that was uploaded."""
        http = self.endpoint.http
        request = http.build_request(
            "GET",
            self._resolve(attachment.url or ""),
            timeout=build_timeout(self.timeout_seconds),
        )
        digest, size = hashlib.sha256(), 0
        try:
            # The server redirects to its storage if this is not its own.
            response = await http.send(request, stream=True, follow_redirects=True)
            try:
                if response.status_code != 200:
                    read_response(response, await self.endpoint.read_content(response))
                async for part in response.aiter_bytes(PART_BYTES):
                    size += len(part)
                    if size > attachment.size:
                        break
                    digest.update(part)
                    await write(part)
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            raise convert_error(error) from error
        if size != attachment.size or digest.hexdigest() != attachment.sha256:
            raise UnexpectedResponseError(f"the file of {attachment.id} has another SHA-256")


@contextmanager
def temporary_file(folder: Path) -> Generator[tuple[int, Path]]:
    """A new file, which is deleted at the end, unless it was renamed.

    Both happen without a thread, so that no cancellation leaves the file. The prefix is short,
    because a name can have 255 bytes.
    """
    descriptor, name = tempfile.mkstemp(prefix=".ticketwire-", dir=folder)
    path = Path(name)
    try:
        yield descriptor, path
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class File:
    """A file to upload."""

    source: Path | bytes
    filename: str
    content_type: str
    size: int
    sha256: str

    async def read_parts(self) -> AsyncIterator[bytes]:
        """The content, as it was when the file was described. Raises OSError."""
        if isinstance(self.source, bytes):
            for start in range(0, self.size, PART_BYTES):
                yield self.source[start : start + PART_BYTES]
            return
        size = 0
        with await to_thread(self.source.open, "rb") as file:
            while part := await to_thread(file.read, PART_BYTES):
                size += len(part)
                if size > self.size:
                    break
                yield part
        if size != self.size:
            raise OSError(f"{self.source} has changed while it was uploaded")


def inspect_file(source: Path | bytes, filename: str | None, content_type: str | None) -> File:
    """Read a file for its size and SHA-256. Raises OSError and ValueError."""
    if isinstance(source, bytes):
        if filename is None:
            raise ValueError("content needs a filename")
        size, digest = len(source), hashlib.sha256(source)
    else:
        filename = filename or source.name
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            size = file.tell()
    return File(source, filename, content_type or guess_type(filename), size, digest.hexdigest())


def guess_type(filename: str) -> str:
    """The media type of the extension. That of a.log.gz is not the one of the log inside."""
    found, compression = mimetypes.guess_type(filename)
    if compression is not None:
        return COMPRESSED_TYPES.get(compression, ANY_TYPE)
    return found or ANY_TYPE


def not_found(message: str) -> NotFoundError:
    return NotFoundError("NOT_FOUND", [{"message": message}])
