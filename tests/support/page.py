"""A page in a browser: requests with the headers that browsers add, and the session cookie."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx2

from support.accounts import PASSWORD
from support.client import TIMEOUT_SECONDS, TLS
from support.service import Service

VIEWER = "{ viewer { user { email } } }"
WITH_HEADER = {"X-Requested-With": "ticketwire"}


class Page:
    """A page of the service's own origin, unless `headers` say something else.

    `base` is the URL under which the browser knows the service. A header that is None is not sent.
    """

    def __init__(self, service: Service, base: str | None = None) -> None:
        self.service = service
        self.address = f"http://127.0.0.1:{service.port}"
        self.base = base or self.address
        self.headers: dict[str, str | None] = {
            "Host": self.base.partition("//")[2],
            "Origin": self.base,
            "Sec-Fetch-Site": "same-origin",
            **WITH_HEADER,
        }
        self.cookie: str | None = None
        """The header Cookie."""

    def build_headers(self, **changes: str | None) -> dict[str, str]:
        """The headers, with changes under names that have underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        merged = {**self.headers, "Cookie": self.cookie, **named}
        return {name: value for name, value in merged.items() if value is not None}

    async def send(
        self, method: str, path: str, json: Any = None, **changes: str | None
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
            return await http.request(
                method, self.address + path, json=json, headers=self.build_headers(**changes)
            )

    async def sign_in(
        self, email: str = "ada@example.com", password: str = PASSWORD, **input: Any
    ) -> Morsel[str]:
        """Sign in, which must succeed, and keep the cookie, which is returned."""
        response = await self.send(
            "POST", "/session", {**input, "email": email, "password": password}
        )
        assert response.status_code == 200, response.text
        return self.keep_cookie(response)

    def keep_cookie(self, response: httpx2.Response) -> Morsel[str]:
        (morsel,) = SimpleCookie(response.headers["set-cookie"]).values()
        self.cookie = f"{morsel.key}={morsel.value}"
        return morsel

    async def query(self, query: str = VIEWER, **changes: str | None) -> httpx2.Response:
        return await self.send("POST", "/graphql", {"query": query}, **changes)

    async def who(self, **changes: str | None) -> str | None:
        """The email address of the viewer; None if the request is anonymous."""
        response = await self.query(**changes)
        assert response.status_code == 200, response.text
        viewer = response.json()["data"]["viewer"]
        return None if viewer is None else str(viewer["user"]["email"])
