"""Browser sessions over WebSockets and event streams."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from support import Service, Socket, World
from support.client import EVENTS, open_connection
from support.event_stream_client import open_stream
from support.live import wait_for_close
from support.page import VIEWER, Page
from support.service import running
from websockets.exceptions import InvalidStatus

from models.people.token import Token, hash_token

pytestmark = pytest.mark.never_retried
EVIL = "https://evil.example"


@pytest.fixture
def page(service: Service, world: World) -> Page:
    return signed_in_page(service, world.ada.token)


def signed_in_page(service: Service, token: str) -> Page:
    page = Page(service)
    page.cookie = f"ticketwire-session={token}"
    return page


@contextlib.asynccontextmanager
async def open_socket(service: Service, page: Page, **changes: str | None) -> AsyncIterator[Socket]:
    """A socket as a browser opens it: with Origin and the cookie, but no other header."""
    headers = page.build_headers(**{"X-Requested-With": None, "Sec-Fetch-Site": None, **changes})
    headers.pop("Host")
    async with open_connection(service.ws, additional_headers=headers) as connection:
        yield Socket(connection)


async def viewer_on(socket: Socket) -> dict[str, Any] | None:
    await socket.subscribe(VIEWER)
    payload = (await socket.receive())["payload"]
    assert (await socket.receive())["type"] == "complete"
    return payload["data"]["viewer"]


async def test_a_socket_of_an_own_page_has_the_session(service: Service, page: Page) -> None:
    for changes in ({}, {"Sec-Fetch-Site": "same-origin"}):
        async with open_socket(service, page, **changes) as socket:
            await socket.initialise({})
            assert await viewer_on(socket) == {"user": {"email": "ada@example.com"}}


async def test_a_socket_with_two_cookies_of_the_name_is_refused(
    service: Service, page: Page
) -> None:
    page.cookie = f"{page.cookie}; ticketwire-session=other"
    async with open_socket(service, page) as socket:
        await socket.send({"type": "connection_init"})
        assert (await wait_for_close(socket))[0] == 4403


async def test_a_socket_of_another_origin_is_not_opened(service: Service, page: Page) -> None:
    for origin in (EVIL, "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus):
            async with open_socket(service, page, Origin=origin):
                pass


async def test_a_socket_of_an_allowed_origin_does_not_have_the_session(url: str) -> None:
    async with running(url, allowed_origins=[EVIL]) as service:
        world = await World.make()
        page = signed_in_page(service, world.ada.token)
        async with open_socket(service, page, Origin=EVIL) as socket:
            await socket.initialise({})
            assert await viewer_on(socket) is None
        async with open_socket(service, page, Origin=EVIL) as socket:
            await socket.initialise({"authorization": f"Bearer {world.cora.token}"})
            assert await viewer_on(socket) == {"user": {"email": "cora@example.com"}}


async def test_a_socket_of_the_own_url_is_opened_whatever_the_header_host_is(url: str) -> None:
    own = "https://support.example.com"
    async with running(url, api_url=own) as service:
        world = await World.make()
        page = signed_in_page(service, world.ada.token)
        page.cookie = f"__Host-ticketwire-session={world.ada.token}"
        async with open_socket(service, page, Origin=own) as socket:
            await socket.initialise({})
            assert await viewer_on(socket) == {"user": {"email": "ada@example.com"}}
        async with open_socket(service, page) as socket:  # Origin and Host agree, but are not own
            await socket.initialise({})
            assert await viewer_on(socket) is None


async def test_a_socket_of_a_page_that_says_it_is_cross_site_is_anonymous(
    service: Service, page: Page
) -> None:
    for site in ("cross-site", "same-site", "none"):
        async with open_socket(service, page, **{"Sec-Fetch-Site": site}) as socket:
            await socket.initialise({})
            assert await viewer_on(socket) is None


async def test_a_socket_without_an_origin_is_refused(service: Service, page: Page) -> None:
    async with open_socket(service, page, Origin=None) as socket:
        await socket.send({"type": "connection_init"})
        assert await wait_for_close(socket) == (4403, "Forbidden", [])


@pytest.mark.parametrize("authorization", ["Bearer wrong", "wrong", "", 1])
async def test_an_invalid_token_does_not_fall_back_to_the_cookie(
    service: Service, page: Page, authorization: Any
) -> None:
    async with open_socket(service, page) as socket:
        await socket.send({"type": "connection_init", "payload": {"authorization": authorization}})
        assert await wait_for_close(socket) == (4403, "Forbidden", [])


async def test_a_token_on_a_socket_takes_precedence(
    service: Service, page: Page, world: World
) -> None:
    async with open_socket(service, page) as socket:
        await socket.initialise({"authorization": f"Bearer {world.cora.token}"})
        assert await viewer_on(socket) == {"user": {"email": "cora@example.com"}}


async def test_an_ended_session_opens_no_socket(service: Service, page: Page) -> None:
    await page.send("DELETE", "/session")
    async with open_socket(service, page) as socket:
        await socket.send({"type": "connection_init"})
        assert await wait_for_close(socket) == (4403, "Forbidden", [])


async def test_signing_out_closes_the_sockets_and_streams_of_the_session(
    service: Service, page: Page
) -> None:
    headers = page.build_headers(**{"X-Requested-With": "ticketwire"})
    async with (
        open_socket(service, page) as socket,
        open_stream(service.client(), EVENTS, headers=headers) as stream,
    ):
        await socket.initialise({})
        await socket.subscribe(EVENTS)
        await stream.wait_until_started()
        assert (await page.send("DELETE", "/session")).status_code == 204
        assert (await wait_for_close(socket))[:2] == (4403, "Forbidden")
        await stream.read_to_end()


async def test_a_socket_closes_when_the_session_expires(service: Service, world: World) -> None:
    expires_at = service.clock() + timedelta(days=1)
    await Token.filter(digest=hash_token(world.ada.token)).update(expires_at=expires_at)
    page = signed_in_page(service, world.ada.token)
    async with open_socket(service, page) as socket:
        await socket.initialise({})
        await socket.subscribe(EVENTS)
        service.clock.advance(days=2)
        assert (await wait_for_close(socket))[:2] == (4403, "Forbidden")


async def test_an_event_stream_of_another_page_has_no_session(service: Service, page: Page) -> None:
    for changes in ({"Origin": EVIL}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        response = await page.send(
            "GET", f"/graphql/stream?query={VIEWER}", Accept="text/event-stream", **changes
        )
        assert '{"viewer":null}' in response.text
