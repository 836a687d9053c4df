"""The HTTP endpoints of wallboard screens: /wall/session.

POST /wall/session/pairing  gives a new screen a code and its cookie; staff approve the code
GET  /wall/session/state    returns the content of the screen, by long polling

No GraphQL endpoint reads the cookie. So a screen can do nothing but read its board
(docs/decisions/0047).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from math import ceil
from time import monotonic
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from engine.fanout.services import ConnectionServices
from engine.http.disconnect import ClientDisconnected, cancel_on_disconnect
from engine.http.endpoint import RequestRefused, build_error_response
from engine.limit_refusals import count_refusal
from engine.limits.network import network_of, wide_network_of
from engine.session_cookie import SessionCookie
from models.people.token import hash_token
from models.wall.pairing import (
    CODE_LIFETIME,
    AlreadyPaired,
    TooManyPairings,
    derive_code,
    open_pairing,
)
from models.wall.screen import WallScreen, find_screen, has_pairing
from resolvers.context import Services
from resolvers.wall.board import Board, Boards, BoardState

PATH = "/wall/session"
COOKIE_NAME = "ticketwire-wall"
COOKIE_LIFETIME = timedelta(days=400)
"""The longest time that browsers keep a cookie. The server sets the cookie again when the page
loads, at the approval, and whenever it stores the time at which it last saw the screen."""
PAIRING_COOKIE_LIFETIME = timedelta(days=1)
"""Longer than a code is valid, because the screen may miss an approval for some time."""
LONG_POLL_SECONDS = 5.0
"""A request waits for a change at most this long, which is less than the server takes to stop."""
PAIRING_POLL_SECONDS = 2.0
AFTER_PAIRING = "pairing"
"""The value of the parameter `after` from a page that shows a code."""
MAX_CONCURRENT_PER_SCREEN = 4
MAX_CONCURRENT_PER_PAIRING = 2
"""One more than a page needs, because the request of a reloaded page may not have ended yet."""
MAX_PAIRED_KEYS = 5000
PAIRING_COST = 1000
STATE_COST = 20
"""Query costs. The state of a paired screen is charged to the screen, all else to the network."""
NOT_PAIRED = "This screen is not paired. Request a pairing code."
ALREADY_PAIRED = "This screen is paired. Request its board."
TOO_MANY_PAIRINGS = "Too many screens wait for approval. Approve one, or try again in 10 minutes."
TOO_MANY_REQUESTS = "Too many requests for wallboards. Try again later."
TOO_MANY_WAITING = "This screen has too many open requests for its board."
Handler = Callable[[Request], Awaitable[Response]]


class WallEndpoints:
    """The endpoints of all wallboard screens. `read_version` returns the version of their page."""

    def __init__(
        self,
        services: Services,
        connections: ConnectionServices,
        read_version: Callable[[], str],
    ) -> None:
        self.services = services
        self.schema = connections.schema
        self.read_version = read_version
        own_origin = connections.auth.session_cookie.own_origin
        self.cookie = SessionCookie(own_origin, COOKIE_NAME)
        self.boards = Boards(services)
        self.waiting_requests: Counter[str] = Counter()
        """The number of requests that wait, by the hash of the screen's secret."""
        self.paired_keys: set[str] = set()
        """The hashes of the secrets of paired screens that have sent requests lately."""

    def routes(self) -> list[Route]:
        return [
            Route(f"{PATH}/pairing", self.with_errors(self.pair), methods=["POST"]),
            Route(f"{PATH}/state", self.with_errors(self.show_state), methods=["GET"]),
        ]

    def with_errors(self, handler: Handler) -> Handler:
        """Respond to the exceptions of a handler as /graphql does."""

        async def handle(request: Request) -> Response:
            try:
                self.cookie.require_own_page(request.scope)
                return await handler(request)
            except (ClientDisconnect, ClientDisconnected):
                return Response(None, 400)  # nobody receives it
            except Exception as error:
                request_id = request.scope["request_id"]
                return build_error_response(error, request_id, self.schema.is_outage)

        return handle

    async def pair(self, request: Request) -> Response:
        """Open a pairing, or respond with that of the same screen that is still open."""
        self.charge(f"wall:{get_network(request)}", PAIRING_COST)
        previous = self.cookie.find_token(request.scope)
        try:
            opened = await open_pairing(
                get_network(request), get_wide_network(request), previous, self.services.now()
            )
        except AlreadyPaired:
            raise RequestRefused(409, ALREADY_PAIRED, "CONFLICT") from None
        except TooManyPairings as error:
            count_refusal(error.limit_name)
            retry_after = str(ceil(CODE_LIFETIME.total_seconds()))
            raise RequestRefused(
                429, TOO_MANY_PAIRINGS, "RATE_LIMITED", retry_after=retry_after
            ) from None
        now = self.services.now()
        response = build_json({"now": now, "code": opened.code, "expiresAt": opened.expires_at})
        self.set_cookie(request, response, opened.secret, PAIRING_COOKIE_LIFETIME)
        return response

    async def show_state(self, request: Request) -> Response:
        """Respond with the board, or with the code while the screen waits for approval.

        The parameter `after` is the revision that the screen shows. If the board is the same, the
        response waits up to LONG_POLL_SECONDS for a change.
        """
        secret = self.cookie.find_token(request.scope)
        key = hash_token(secret or "")
        # Other clients in the network of a paired screen can't use up its requests.
        is_paired = key in self.paired_keys
        self.charge(
            f"wall:screen:{key}" if is_paired else f"wall:{get_network(request)}", STATE_COST
        )
        if not secret:
            raise refuse_unpaired()
        maximum = MAX_CONCURRENT_PER_SCREEN if is_paired else MAX_CONCURRENT_PER_PAIRING
        if self.waiting_requests[key] >= maximum:
            count_refusal("wall_requests")
            raise RequestRefused(429, TOO_MANY_WAITING, "RATE_LIMITED", retry_after="5")
        self.waiting_requests[key] += 1
        try:
            with cancel_on_disconnect(request.scope, can_cancel):
                return await self.wait_for_state(request, secret)
        finally:
            self.waiting_requests[key] -= 1
            self.waiting_requests += Counter[str]()  # removes screens without requests

    async def wait_for_state(self, request: Request, secret: str) -> Response:
        after = request.query_params.get("after")
        deadline = monotonic() + LONG_POLL_SECONDS
        # A page that shows nothing yet must not wait for the approval.
        approval_deadline = monotonic() if after is None else deadline
        must_renew = after in (None, AFTER_PAIRING)
        while True:
            now = self.services.now()
            screen = await find_screen(secret, now)
            if screen is None:
                if not await self.wait_for_approval(secret, approval_deadline):
                    return self.build_response({"pairing": {"code": derive_code(secret)}})
                now = self.services.now()
                screen = await find_screen(secret, now)
            self.remember_pairing(secret, is_paired=screen is not None)
            if screen is None:
                raise refuse_unpaired()
            must_renew = must_renew or screen.last_seen_at == now
            board = self.boards.open(screen.team)
            state = await board.read()
            if state.revision != after or monotonic() >= deadline:
                response = self.build_response(self.build_board_content(screen, board, state))
                if must_renew:
                    self.set_cookie(request, response, secret, COOKIE_LIFETIME)
                return response
            await board.wait()

    async def wait_for_approval(self, secret: str, deadline: float) -> bool:
        """Return True when the screen has no open pairing; an approval ends it. False if it is
        still open at the deadline, a time of `time.monotonic`."""
        while await has_pairing(secret, self.services.now()):
            if monotonic() >= deadline:
                return False
            await asyncio.sleep(PAIRING_POLL_SECONDS)
        return True

    def build_board_content(
        self, screen: WallScreen, board: Board, state: BoardState
    ) -> dict[str, Any]:
        team = None if screen.team is None else screen.team.name
        return {
            "screen": {"name": screen.name, "board": board.slug, "team": team},
            "revision": state.revision,
            "asOf": state.as_of,
            **state.content,
        }

    def build_response(self, content: dict[str, Any]) -> Response:
        now: datetime = self.services.now()
        return build_json({"now": now, "version": self.read_version(), **content})

    def remember_pairing(self, secret: str, *, is_paired: bool) -> None:
        """Remember whether the screen with this secret is paired."""
        key = hash_token(secret)
        if not is_paired:
            self.paired_keys.discard(key)
            return
        if len(self.paired_keys) >= MAX_PAIRED_KEYS:
            self.paired_keys.clear()  # of revoked screens, too; the others are added again
        self.paired_keys.add(key)

    def charge(self, bucket: str, cost: int) -> None:
        """Raises RequestRefused if the network or screen has sent too many requests."""
        buckets = self.schema.buckets
        if not buckets.capacity:
            return
        wait_ms = buckets.take(bucket, cost).retry_after_ms
        if wait_ms:
            count_refusal("wall_cost")
            retry_after = str(ceil(wait_ms / 1000))
            raise RequestRefused(429, TOO_MANY_REQUESTS, "RATE_LIMITED", retry_after=retry_after)

    def set_cookie(
        self, request: Request, response: Response, secret: str, lifetime: timedelta
    ) -> None:
        seconds = ceil(lifetime.total_seconds())
        response.headers["set-cookie"] = self.cookie.build_header(request.scope, secret, seconds)


async def can_cancel() -> bool:
    """A request that waits can be cancelled at any time, because it changes nothing."""
    return True


def get_network(request: Request) -> str:
    return network_of(request.client.host if request.client else "")


def get_wide_network(request: Request) -> str:
    return wide_network_of(request.client.host if request.client else "")


def refuse_unpaired() -> RequestRefused:
    return RequestRefused(401, NOT_PAIRED, "UNAUTHENTICATED")


def build_json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
