"""Requests to identity providers, with limits on time and size and without redirects."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote_plus

import httpx2
import orjson

from models.oidc.provider import check_url

TIMEOUT_SECONDS = 10.0
"""The time for a whole request, with its response."""
MAX_RESPONSE_BYTES = 256 * 1024
Json = dict[str, object]


class ProviderUnavailable(Exception):
    """The provider did not respond as it should; the message is for the log."""


class ProviderRefused(Exception):
    """The provider refused a request of the client, for example a code that was used before."""


class ProviderHttpClient:
    """Sends requests to providers. It opens its connections at first use."""

    def __init__(self, *, allow_http: bool) -> None:
        self.allow_http = allow_http
        self.client: httpx2.AsyncClient | None = None

    async def get(self, url: str, access_token: str | None = None) -> Json:
        """Read a JSON object. Raises ProviderUnavailable or ProviderRefused."""
        headers = {"authorization": f"Bearer {access_token}"} if access_token else {}
        return await self.send("GET", url, headers, None)

    async def post(
        self, url: str, form: Mapping[str, str], credentials: tuple[str, str] | None = None
    ) -> Json:
        """Send a form and read a JSON object. Raises ProviderUnavailable or ProviderRefused.

        `credentials` are the client's id and secret for HTTP Basic.
        """
        headers = {"authorization": encode_basic(*credentials)} if credentials else {}
        return await self.send("POST", url, headers, form)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Json:
        try:
            check_url(url, allow_http=self.allow_http)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self.read(method, url, headers, form)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
            raise ProviderUnavailable(f"{method} {url}: {error!r}") from error

    async def read(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Json:
        if self.client is None:
            self.client = httpx2.AsyncClient(
                timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
            )
        self.client.cookies.clear()  # one person's must not be sent with another's request
        headers = {"accept": "application/json", "accept-encoding": "identity", **headers}
        async with self.client.stream(method, url, headers=headers, data=form) as response:
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > MAX_RESPONSE_BYTES:
                    raise ProviderUnavailable(f"{method} {url}: the response is too long")
        if response.status_code in (400, 401, 403):
            raise ProviderRefused(f"{method} {url}: status {response.status_code}")
        if response.status_code != 200:
            raise ProviderUnavailable(f"{method} {url}: status {response.status_code}")
        found = orjson.loads(bytes(body))
        if not isinstance(found, dict):
            raise ProviderUnavailable(f"{method} {url}: the response is not a JSON object")
        return found

    async def close(self) -> None:
        if self.client is not None:
            await self.client.aclose()
            self.client = None


def encode_basic(client_id: str, secret: str) -> str:
    """The Authorization header of a client (RFC 6749, section 2.3.1: both are form-encoded)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"
