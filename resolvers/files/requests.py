"""What the endpoints for files share: the check of signed URLs, and error responses."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from engine.server.error_response import JSON_CONTENT_TYPE, RequestRefused, encode_error_body
from models.core import ids
from models.core.errors import InvalidInput
from models.files.signatures import FileAction, UrlRefused
from resolvers.context import Services

MAX_SIGNATURE_CHARS = 100


def verify_url(request: Request, services: Services, action: FileAction) -> tuple[UUID, int]:
    """The attachment's key, and the seconds until the URL expires. Raises RequestRefused."""
    key = request.path_params["key"]
    expires = request.query_params.get("expires", "")
    signature = request.query_params.get("signature", "")[:MAX_SIGNATURE_CHARS]
    if not ids.is_uuid(key):
        raise RequestRefused(404, "There is no such file.", "NOT_FOUND")
    try:
        attachment_id = UUID(key)
        seconds = services.files.signer.verify(
            action, attachment_id, expires, signature, services.now()
        )
    except UrlRefused as error:
        raise RequestRefused(403, str(error), "FORBIDDEN") from None
    except InvalidInput as error:  # the server has no key to sign with, or no storage
        raise RequestRefused(503, error.message, "UNAVAILABLE") from None
    return attachment_id, seconds


def build_error(request: Request, refusal: RequestRefused) -> Response:
    body = encode_error_body(refusal.reason, refusal.code, request.scope["request_id"])
    headers = {**refusal.headers, "content-type": JSON_CONTENT_TYPE.decode()}
    return Response(body, refusal.status_code, headers)
