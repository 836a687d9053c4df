"""The HTTP endpoints for downloads: GET /files/{attachment}/content or /thumbnail, and
/files/{job}/export, with a signed URL."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.server.error_response import RequestRefused
from models.exports.access import find_downloadable
from models.exports.names import content_type_of, disposition_of
from models.files.images import THUMBNAIL_TYPE
from models.files.names import INLINE_TYPES, content_disposition, response_type
from models.files.signatures import FileAction
from models.jobs.caller_job import CallerJob
from models.tickets.attachment import Attachment
from resolvers.context import Services
from resolvers.files.requests import build_error, verify_url
from resolvers.files.uploads import UploadEndpoint

NO_FILE = "There is no such file."
CONTENT_SECURITY_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""A file that a browser shows can run no script, load nothing, and has an origin of its own."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "accept-ranges": "none",
}

REDIRECT_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class FileEndpoints:
    """The endpoints of uploads and downloads."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[Route]:
        upload = UploadEndpoint(self.services)
        return [
            Route("/files/{key}/upload", upload.__call__, methods=["PUT"]),
            Route("/files/{key}/content", self.send_file, methods=["GET"]),
            Route("/files/{key}/thumbnail", self.send_thumbnail, methods=["GET"]),
            Route("/files/{key}/export", self.send_export, methods=["GET"]),
        ]

    async def send_file(self, request: Request) -> Response:
        """Send a file to anybody who has its signed URL."""
        return await self.respond(request, FileAction.DOWNLOAD)

    async def send_thumbnail(self, request: Request) -> Response:
        """Send the thumbnail of an image to anybody who has its signed URL."""
        return await self.respond(request, FileAction.THUMBNAIL)

    async def send_export(self, request: Request) -> Response:
        """Send the file of an export to anybody who has its signed URL."""
        try:
            key, _ = verify_url(request, self.services, FileAction.EXPORT)
            job = await CallerJob.get_or_none(id=key)
            storage_key = await find_downloadable(job, self.services.now())
            if job is None or storage_key is None:
                raise RequestRefused(404, NO_FILE, "NOT_FOUND")
            headers = build_export_headers(job)
            if request.method == "HEAD":
                return Response(headers=headers)
            return await self.send(storage_key, headers)
        except RequestRefused as refusal:
            return build_error(request, refusal)

    async def respond(self, request: Request, action: FileAction) -> Response:
        try:
            key, seconds = verify_url(request, self.services, action)
            attachment = await Attachment.get_or_none(id=key)
            storage_key = find_key(attachment, action)
            if attachment is None or storage_key is None:
                raise RequestRefused(404, NO_FILE, "NOT_FOUND")
            headers = build_headers(attachment, action, seconds)
            if request.method == "HEAD":
                return Response(headers=headers)
            return await self.send(storage_key, headers, is_shown=is_shown(attachment, action))
        except RequestRefused as refusal:
            return build_error(request, refusal)

    async def send(
        self, storage_key: str, headers: Mapping[str, str], *, is_shown: bool = False
    ) -> Response:
        """Send a file, or send the client to the storage. Raises RequestRefused.

        A storage can't send all of HEADERS, so files that browsers show never come from it.
        """
        acceptance = self.services.files.acceptance
        if acceptance is None:
            raise RequestRefused(503, "The server has no storage.", "UNAVAILABLE")
        url = None if is_shown else await acceptance.store.presign_download(storage_key)
        if url is not None:
            return RedirectResponse(url, 302, REDIRECT_HEADERS)
        try:
            pieces = await acceptance.store.read(storage_key)
            return StreamingResponse(pieces, headers=headers)
        except FileNotFoundError:
            raise RequestRefused(404, NO_FILE, "NOT_FOUND") from None


def find_key(attachment: Attachment | None, action: FileAction) -> str | None:
    if attachment is None:
        return None
    is_thumbnail = action is FileAction.THUMBNAIL
    return attachment.thumbnail_key if is_thumbnail else attachment.storage_key


def is_shown(attachment: Attachment, action: FileAction) -> bool:
    """Whether browsers show the file themselves, instead of downloading it."""
    return action is FileAction.THUMBNAIL or attachment.content_type in INLINE_TYPES


def build_export_headers(job: CallerJob) -> dict[str, str]:
    return {
        **HEADERS,
        "cache-control": "no-store",
        "content-type": content_type_of(job),
        "content-disposition": disposition_of(job),
        "content-length": str(job.export_size),
    }


def build_headers(attachment: Attachment, action: FileAction, seconds: int) -> dict[str, str]:
    """The headers of a download whose URL is valid for so many more seconds."""
    headers = {**HEADERS, "cache-control": f"private, max-age={seconds}"}
    if action is FileAction.THUMBNAIL:
        return {**headers, "content-type": THUMBNAIL_TYPE, "content-disposition": "inline"}
    return {
        **headers,
        "content-type": response_type(attachment.content_type),
        "content-disposition": content_disposition(attachment.filename, attachment.content_type),
        "content-length": str(attachment.size),
    }
