"""The HTTP endpoints that sign a browser in and out: /session.

POST   /session            signs in, and sets the session cookie instead of returning a token
DELETE /session            signs out, and removes the cookie
GET    /session/providers  the identity providers that a sign-in page can offer

Signing in runs the mutation signIn or signInWithCode, so its limits, costs and audit entries apply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any, cast

import orjson
import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from strawberry.types.execution import ExecutionResult

from engine.auth import Unauthorized
from engine.fanout.services import ConnectionServices
from engine.graphql.request import GraphQLRequest, MalformedRequest, parse_json
from engine.graphql.response import encode_response
from engine.http.endpoint import STATUSES, RequestRefused, build_error_response
from engine.http.rate_limit_headers import build_retry_after
from engine.http.request_headers import check_json_body
from engine.session_cookie import CookieRefused
from models import database
from resolvers.context import Context, Services
from resolvers.people.sign_in import end_session

PATH = "/session"
MAX_SESSION_COOKIES = 4
"""More cookies of one name are no accident of a browser, and each costs reads of the database."""
SIGN_IN_PATH = "/sign-in"
"""The page to which an identity provider's sign-in returns."""
FIELDS = "viewer { role user { id displayName } } expiresAt userErrors { code message field }"
SIGN_IN = f"""mutation SignIn($input: SignInInput!) {{
  result: signIn(input: $input) {{ token requiresSecondFactorSetup {FIELDS} }}
}}"""
SIGN_IN_WITH_CODE = f"""mutation SignInWithCode($input: SignInWithCodeInput!) {{
  result: signInWithCode(input: $input) {{ token {FIELDS} }}
}}"""
SIGN_IN_DOCUMENTS = (SIGN_IN, SIGN_IN_WITH_CODE)
Handler = Callable[[Request], Awaitable[Response]]
log = structlog.get_logger("ticketwire.sessions")


class SessionEndpoints:
    """The endpoints of browser sessions."""

    def __init__(self, services: Services, connections: ConnectionServices) -> None:
        self.services = services
        self.schema = connections.schema
        self.auth = connections.auth
        self.cookie = connections.auth.session_cookie

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.with_errors(self.sign_in), methods=["POST"]),
            Route(PATH, self.with_errors(self.sign_out), methods=["DELETE"]),
            Route(f"{PATH}/providers", self.list_providers, methods=["GET"]),
        ]

    def with_errors(self, handler: Handler) -> Handler:
        """Respond to the exceptions of a handler as /graphql does."""

        async def handle(request: Request) -> Response:
            try:
                self.cookie.require_own_page(request.scope)
                return await handler(request)
            except ClientDisconnect:
                return Response(None, 400)  # nobody receives it
            except Exception as error:
                request_id = request.scope["request_id"]
                return build_error_response(error, request_id, self.schema.is_outage)

        return handle

    async def sign_in(self, request: Request) -> Response:
        """Sign in with a password or the code of a provider, and replace the browser's session."""
        check_json_body(request.scope["headers_by_name"])
        document, input = read_sign_in(await request.body())
        result = await self.schema.execute_request(
            GraphQLRequest(document, {"input": input}, None, None),
            self.create_context(request),
            (OperationType.MUTATION,),
        )
        if result.errors:
            return build_graphql_errors(result)
        payload = orjson.loads(encode_response(result))["data"]["result"]
        token = payload.pop("token")
        if token is None:
            return JSONResponse(payload, 403)
        try:
            await self.end_previous(request)
        except Exception as error:  # the new session is valid; the old one ends by itself
            log.warning("session.previous_not_ended", error=repr(error))
        expires_at = datetime.fromisoformat(payload["expiresAt"])
        seconds = ceil((expires_at - self.services.now()).total_seconds())
        response = JSONResponse(payload)
        response.headers["set-cookie"] = self.cookie.build_header(request.scope, token, seconds)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the browser's session, if it has one, and remove the cookie.

        The cookie is removed even if the session can't be ended, as during an outage, so that the
        next person at this browser does not have it.
        """
        try:
            await self.end_previous(request)
            response: Response = Response(None, 204)
        except Exception as error:
            request_id = request.scope["request_id"]
            response = build_error_response(error, request_id, self.schema.is_outage)
        response.headers["set-cookie"] = self.cookie.build_header(request.scope, "", 0)
        return response

    async def end_previous(self, request: Request) -> None:
        """End the sessions of the request's cookies that are valid.

        There can be two on a plain host, because another program there may set the same name.
        """
        if self.cookie.read(request.scope) is None:
            return
        tokens = self.cookie.find_tokens(request.scope)
        if len(tokens) > MAX_SESSION_COOKIES:
            raise CookieRefused
        for token in tokens:
            context = self.create_context(request)
            try:
                await self.auth.authenticate_session(context, token)
            except Unauthorized:
                continue
            await database.run_in_transaction(partial(end_session, context))

    async def list_providers(self, _: Request) -> Response:
        """The names of the providers by which people can sign in on this server's own page."""
        providers = self.services.identity_providers
        clients = providers.by_name.values() if self.cookie.own_origin is not None else ()
        names = [each.provider.name for each in clients if each.provider.client_id]
        return JSONResponse({"identityProviders": names})

    def create_context(self, request: Request) -> Context:
        """An anonymous context, so that the attempt counts for the client's address."""
        address = request.client.host if request.client else ""
        user_agent = request.headers.get("user-agent", "")
        return Context(self.services, request.scope["request_id"], address, user_agent=user_agent)


def read_sign_in(body: bytes) -> tuple[str, dict[str, Any]]:
    """The mutation for the body of a sign-in, and its input. Raises RequestRefused."""
    try:
        value = parse_json(body, "The body")
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None
    if not isinstance(value, dict):
        raise RequestRefused(400, "The body must be a JSON object.")
    input = cast("dict[str, Any]", value)
    return (SIGN_IN_WITH_CODE if "code" in input else SIGN_IN), input


def build_graphql_errors(result: ExecutionResult) -> Response:
    """The response to a sign-in that was not executed: to invalid input, or because of a limit."""
    errors = result.errors or []
    codes = [str((error.extensions or {}).get("code")) for error in errors]
    status = next((STATUSES[code] for code in codes if code in STATUSES), 400)
    response = Response(encode_response(result), status, media_type="application/json")
    for name, value in build_retry_after(errors):
        response.headers[name.decode()] = value.decode()
    return response
