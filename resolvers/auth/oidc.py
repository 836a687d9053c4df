"""The HTTP endpoints for signing in by identity providers: start, callback and logout.

GET  /auth/oidc/{provider}/start     sends the person to the provider
GET  /auth/oidc/{provider}/callback  gets the person back, and sends a sign-in code to the
                                     application, which calls the mutation signInWithCode
POST /auth/oidc/{provider}/logout    ends sessions (OpenID Connect Back-Channel Logout 1.0)
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import timedelta
from math import ceil
from secrets import compare_digest
from urllib.parse import parse_qs, urlencode, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.limit_refusals import count_refusal
from engine.limits.network import network_of, wide_network_of
from models.audit.entry import Origin
from models.oidc import code_flow, sessions
from models.oidc.accounts import SignInError, SignInRefused, find_or_create_account
from models.oidc.code_flow import AuthorizationRequest
from models.oidc.http_client import ProviderRefused, ProviderUnavailable
from models.oidc.metadata import ProviderClient
from models.oidc.tokens import MAX_JWT_CHARS, InvalidJwt, check_logout_token, read_jwt
from models.people.identity import Identity
from models.people.user import User
from resolvers.context import Services

SIGN_IN_WITH_CODE = "signInWithCode"
"""The name of such a sign-in in the audit log."""
MAX_CONCURRENT_EXCHANGES = 20
"""Sign-ins of this process that wait for a provider. Further ones are refused."""
MAX_CONCURRENT_EXCHANGES_PER_NETWORK = 5
MAX_CONCURRENT_EXCHANGES_PER_WIDE_NETWORK = 8
"""Of an IPv4 /24 or IPv6 /48 network, so that the clients of one can't stop all sign-ins."""
MAX_FORM_BYTES = MAX_JWT_CHARS + 1024
COOKIE_SECONDS = 600
COOKIE = "ticketwire-sign-in"
NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
NO_PROVIDER = "There is no such identity provider.\n"
EXPIRED = "This sign-in has expired, or it began in another browser. Start again.\n"
BUSY = "There are too many sign-ins, or too many failed ones from your network. Try again later.\n"
SECOND = timedelta(seconds=1)
log = structlog.get_logger("ticketwire.oidc")


class TooManyExchanges(Exception):
    """Too many sign-ins wait for a provider, or too many of the client's have failed."""

    def __init__(self, status: int, wait: timedelta = SECOND) -> None:
        super().__init__(status)
        self.http_status = status
        self.retry_after_seconds = ceil(wait / SECOND)


class OidcEndpoints:
    """The endpoints of all providers."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.providers = services.identity_providers
        self.is_secure = urlsplit(self.providers.callback_base).scheme == "https"
        # Browsers let only a secure page of this very host set a cookie with this prefix.
        self.cookie = f"__Host-{COOKIE}" if self.is_secure else COOKIE
        self.exchange_limits = services.accounts.exchange_limits
        self.exchanges: Counter[str] = Counter()
        """Running exchanges by network and by wide network."""
        self.running_exchanges = 0

    def routes(self) -> list[Route]:
        base = "/auth/oidc/{provider}"
        return [
            Route(f"{base}/start", self.start, methods=["GET"]),
            Route(f"{base}/callback", self.finish, methods=["GET"]),
            Route(f"{base}/logout", self.log_out, methods=["POST"]),
        ]

    def find_provider(self, request: Request) -> ProviderClient | None:
        """The provider of the path, if people can sign in by it."""
        client = self.providers.by_name.get(request.path_params["provider"])
        return client if client and client.provider.client_id else None

    async def start(self, request: Request) -> Response:
        """Send the person to the provider. Parameters: redirectUrl and challenge."""
        client = self.find_provider(request)
        if client is None:
            return refuse(NO_PROVIDER, 404)
        redirect_url = request.query_params.get("redirectUrl", "")
        if redirect_url not in self.providers.redirect_urls:
            return refuse("redirectUrl must be one of TICKETWIRE_SIGN_IN_REDIRECT_URLS.\n", 400)
        challenge = request.query_params.get("challenge", "")
        if not code_flow.CHALLENGE.fullmatch(challenge):
            return refuse("challenge must be a SHA-256 in base64url, without padding.\n", 400)
        authorization = code_flow.create_request(client.provider.name, redirect_url, challenge)
        try:
            url = await code_flow.build_authorization_url(self.providers, client, authorization)
        except ProviderUnavailable as error:
            log.warning("oidc.start_failed", error=str(error))
            return refuse("The identity provider is not available. Try again later.\n", 503)
        response = RedirectResponse(url, 303, NO_STORE)
        response.set_cookie(
            self.cookie,
            authorization.encode(),
            max_age=COOKIE_SECONDS,
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def finish(self, request: Request) -> Response:
        """Receive the provider's response, and send a sign-in code or an error to the
        application."""
        client = self.find_provider(request)
        if client is None:
            return refuse(NO_PROVIDER, 404)
        authorization = code_flow.decode_request(request.cookies.get(self.cookie))
        if authorization is None or not self.is_response_to(request, authorization):
            return refuse(EXPIRED, 400)
        try:
            async with self.count_exchange(address_of(request)):
                result = await self.sign_in(request, client, authorization)
        except TooManyExchanges as error:
            count_refusal("provider_exchanges")
            return refuse(BUSY, error.http_status, retry_after=str(error.retry_after_seconds))
        separator = "&" if urlsplit(authorization.redirect_url).query else "?"
        url = f"{authorization.redirect_url}{separator}{urlencode(result)}"
        response = RedirectResponse(url, 303, NO_STORE)
        response.delete_cookie(self.cookie, secure=self.is_secure, httponly=True, samesite="lax")
        return response

    def is_response_to(self, request: Request, authorization: AuthorizationRequest) -> bool:
        """Whether this is the response to a request of this browser with this provider."""
        state = request.query_params.get("state", "")
        return (
            authorization.provider == request.path_params["provider"]
            and authorization.redirect_url in self.providers.redirect_urls
            and compare_digest(state.encode(), authorization.state.encode())
        )

    async def sign_in(
        self, request: Request, client: ProviderClient, authorization: AuthorizationRequest
    ) -> dict[str, str]:
        """The parameters for the application's URL: a code, or the reason of a failure."""
        provider, at = client.provider, self.services.now()
        origin = Origin(
            SIGN_IN_WITH_CODE, address=address_of(request), request_id=request.scope["request_id"]
        )
        try:
            # RFC 9207: the response names its issuer
            if request.query_params.get("iss", provider.issuer) != provider.issuer:
                raise InvalidJwt("the response is that of another issuer")
            if "error" in request.query_params:
                raise ProviderRefused(request.query_params["error"][:100])
            code = request.query_params.get("code", "")
            token, claims = await code_flow.exchange_code(
                self.providers, client, authorization, code, at
            )
            await self.exchange_limits.record_success(
                network_of(origin.address or ""), wide_network_of(origin.address or ""), at
            )
            codes: list[str] = []

            async def create_code(identity: Identity, _: User) -> None:
                challenge = authorization.challenge
                codes.append(await sessions.create_code(identity, token, challenge, at))

            await find_or_create_account(
                provider, token.subject, claims, origin, at, self.providers.limits, create_code
            )
            return {"signInCode": codes[-1]}  # the transaction may have run more than once
        except SignInRefused as error:
            log.info("oidc.sign_in_refused", error=str(error), request_id=origin.request_id)
            reason = error.reason
        except ProviderUnavailable as error:
            log.warning("oidc.sign_in_failed", error=str(error))
            reason = SignInError.PROVIDER_UNAVAILABLE
        except (InvalidJwt, ProviderRefused) as error:
            log.info("oidc.sign_in_refused", error=str(error), request_id=origin.request_id)
            reason = SignInError.REFUSED_BY_PROVIDER
        return {"signInError": reason.value}

    @contextlib.asynccontextmanager
    async def count_exchange(self, address: str) -> AsyncGenerator[None]:
        """Count an exchange with a provider while it runs.

        Raises TooManyExchanges if it would exceed a limit.
        """
        network, wide_network = network_of(address), wide_network_of(address)
        limits = {
            network: MAX_CONCURRENT_EXCHANGES_PER_NETWORK,
            wide_network: MAX_CONCURRENT_EXCHANGES_PER_WIDE_NETWORK,
        }
        is_busy = self.running_exchanges >= MAX_CONCURRENT_EXCHANGES
        if is_busy or any(self.exchanges[key] >= limit for key, limit in limits.items()):
            raise TooManyExchanges(503)
        self.running_exchanges += 1
        self.exchanges += Counter(limits.keys())
        try:
            at = self.services.now()
            wait = await self.exchange_limits.count_attempt(network, wide_network, at)
            if wait:
                raise TooManyExchanges(429, wait)
            yield
        finally:
            self.running_exchanges -= 1
            self.exchanges -= Counter(limits.keys())  # also removes networks without exchanges

    async def log_out(self, request: Request) -> Response:
        """End the sessions that a provider's logout token names."""
        client = self.find_provider(request)
        if client is None:
            return refuse(NO_PROVIDER, 404)
        try:
            await self.end_sessions(client, await read_logout_token(request))
        except InvalidJwt as error:
            log.info("oidc.logout_refused", error=str(error))
            description = {"error": "invalid_request", "error_description": str(error)}
            return JSONResponse(description, 400, NO_STORE)
        except ProviderUnavailable as error:
            log.warning("oidc.logout_failed", error=str(error))
            return refuse("The keys of the identity provider are not available.\n", 503)
        return Response(None, 200, NO_STORE)

    async def end_sessions(self, client: ProviderClient, text: str) -> None:
        """Raises InvalidJwt or ProviderUnavailable."""
        provider, at, leeway = client.provider, self.services.now(), self.providers.leeway
        token = await read_jwt(text, client, at, leeway)
        check_logout_token(token, provider.client_id or "")
        count = await sessions.end_sessions(provider.issuer, token, at, leeway)
        log.info("oidc.logged_out", provider=provider.name, sessions=count)


async def read_logout_token(request: Request) -> str:
    """The logout token of a form. Raises InvalidJwt."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            count_refusal("logout_token_bytes")
            raise InvalidJwt("the form is too long")
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=10).get("logout_token", [])
    except ValueError as error:
        raise InvalidJwt("not a form") from error
    if len(values) != 1:
        raise InvalidJwt("the form needs one logout_token")
    return values[0]


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def refuse(text: str, status: int, **headers: str) -> Response:
    """Keyword arguments are header names with underscores for hyphens."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return PlainTextResponse(text, status, {**NO_STORE, **more})
