"""The HTTP endpoint for uploads: PUT /files/{attachment}/upload, with a signed URL.

The body goes to the disk as it arrives, with flow control. It may be longer and slower than that of
other requests, but never longer than declared, and never later than the URL is valid.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Generator
from uuid import UUID

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.limit_refusals import count_refusal
from engine.server.client_connection import CONNECTION_EXTENSION, ClientConnection
from engine.server.error_response import RequestRefused
from models.core import ids
from models.files.acceptance import ALREADY_UPLOADED, Acceptance
from models.files.quarantine import received_file
from models.files.refusals import FileRefused
from models.files.signatures import FileAction
from models.files.uploads import find_pending
from models.tickets.attachment import Attachment
from resolvers.context import Services
from resolvers.files.requests import build_error, verify_url

MAX_CONCURRENT_UPLOADS = 50
"""Uploads that this process receives at once."""
MAX_CONCURRENT_UPLOADS_PER_PERSON = 5
MAX_CONCURRENT_UPLOADS_PER_ATTACHMENT = 2
RETRY_AFTER_SECONDS = "5"
log = structlog.get_logger("ticketwire.files")


class UploadEndpoint:
    """Receives, checks and stores files."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.running: Counter[UUID | None] = Counter()
        """The uploads that are received now, by attachment and by uploader."""
        self.running_uploads = 0

    async def __call__(self, request: Request) -> Response:
        try:
            return await self.upload(request)
        except RequestRefused as refusal:
            return build_upload_error(request, refusal)
        except FileRefused as refusal:
            count_refusal(refusal.limit_name)
            error = RequestRefused(refusal.status, refusal.message, refusal.code)
            return build_upload_error(request, error)
        except ClientDisconnect:
            log.info("upload.client_disconnected", path=request.url.path)
            return Response(status_code=400)  # nobody reads it

    async def upload(self, request: Request) -> Response:
        """Raises RequestRefused, FileRefused and ClientDisconnect."""
        services = self.services
        acceptance = services.files.acceptance
        key, seconds = verify_url(request, services, FileAction.UPLOAD)
        attachment = await find_pending(key)
        if attachment is None or acceptance is None or acceptance.store.has_direct_uploads:
            raise FileRefused("ALREADY_UPLOADED", ALREADY_UPLOADED, 409)
        check_length(request, attachment.size)
        with self.count_upload(attachment):
            permit_long_body(request, attachment.size)
            deadline = asyncio.timeout(seconds)
            try:
                async with deadline:
                    digest = await receive(request, acceptance, attachment)
            except TimeoutError:
                if not deadline.expired():
                    raise  # of a statement
                message = "The file did not arrive before its URL expired."
                raise RequestRefused(408, message) from None
        content = {
            "id": ids.encode(ids.ATTACHMENT, attachment.id),
            "size": attachment.size,
            "sha256": digest,
        }
        return JSONResponse(content)

    @contextlib.contextmanager
    def count_upload(self, attachment: Attachment) -> Generator[None]:
        """Raises RequestRefused if too many files arrive at once."""
        uploader = attachment.uploader_user_id or attachment.uploader_client_id
        if self.running_uploads >= MAX_CONCURRENT_UPLOADS:
            raise refuse_for_now(503)
        if (
            self.running[attachment.id] >= MAX_CONCURRENT_UPLOADS_PER_ATTACHMENT
            or self.running[uploader] >= MAX_CONCURRENT_UPLOADS_PER_PERSON
        ):
            raise refuse_for_now(429)
        self.running_uploads += 1
        self.running.update((attachment.id, uploader))
        try:
            yield
        finally:
            self.running_uploads -= 1
            self.running.subtract((attachment.id, uploader))
            self.running += Counter()  # drops the zeros


def build_upload_error(request: Request, refusal: RequestRefused) -> Response:
    """The response closes the connection, because the rest of the body may follow.

    The HTTP protocol discards it, so that the client can read the response.
    """
    response = build_error(request, refusal)
    response.headers["connection"] = "close"
    return response


async def receive(request: Request, acceptance: Acceptance, attachment: Attachment) -> str:
    """Receive, check and store a file; returns its SHA-256. Raises FileRefused."""
    folder, name = acceptance.store.quarantine, str(attachment.id)
    async with received_file(folder, name, body_of(request), attachment.size) as received:
        await acceptance.accept(attachment, received)
        return received.sha256


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ClientDisconnect."""
    async for chunk in request.stream():
        if chunk:
            yield chunk


def check_length(request: Request, size: int) -> None:
    """Check the declared length of the body, if there is one. Raises FileRefused."""
    length = request.headers.get("content-length")
    if length is not None and length != str(size):
        message = (
            f"The file must have {size:,} bytes, as declared; Content-Length is {length[:20]}."
        )
        raise FileRefused("SIZE_MISMATCH", message, 413 if is_longer(length, size) else 422)


def is_longer(length: str, size: int) -> bool:
    return length.isdecimal() and (len(length) > 15 or int(length) > size)


def permit_long_body(request: Request, size: int) -> None:
    """Let the HTTP protocol receive a body of this size that arrives slowly."""
    extensions = request.scope.get("extensions", {})
    connection: ClientConnection | None = extensions.get(CONNECTION_EXTENSION)
    if connection is not None:
        connection.permit_long_body(size)


def refuse_for_now(status: int) -> RequestRefused:
    count_refusal("concurrent_uploads")
    code = "RATE_LIMITED" if status == 429 else "UNAVAILABLE"
    message = "Too many files are uploaded at this moment. Try again."
    return RequestRefused(status, message, code, retry_after=RETRY_AFTER_SECONDS)
