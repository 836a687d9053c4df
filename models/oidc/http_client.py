"""Requests to identity providers: to permitted addresses, with limits on time and size.

The service's configuration names the issuer, but the issuer's metadata names the other URLs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus, urlencode

import orjson

from models.oidc.provider import check_url
from models.outbound.addresses import Network
from models.outbound.http_client import OutboundError, OutboundHttpClient, OutboundResponse

TIMEOUT_SECONDS = 10.0
"""The time for a whole request, with its response."""
MAX_RESPONSE_BYTES = 256 * 1024
FORM = "application/x-www-form-urlencoded"
Json = dict[str, object]


class ProviderUnavailable(Exception):
    """The provider did not respond as it should; the message is for the log."""


class ProviderRefused(Exception):
    """The provider refused a request of the client, for example a code that was used before."""


class ProviderHttpClient:
    """Sends requests to providers.

    allow_http        whether URLs may use http on a loopback address
    allowed_networks  networks that are permitted although they are not public
    """

    def __init__(self, *, allow_http: bool, allowed_networks: Sequence[Network] = ()) -> None:
        self.allow_http = allow_http
        self.client = OutboundHttpClient(
            allowed_networks=allowed_networks,
            allow_http=allow_http,
            timeout_seconds=TIMEOUT_SECONDS,
            max_response_bytes=MAX_RESPONSE_BYTES,
        )

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
        headers = {"content-type": FORM}
        if credentials is not None:
            headers["authorization"] = encode_basic(*credentials)
        return await self.send("POST", url, headers, urlencode(form).encode("ascii"))

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Json:
        headers = {"accept": "application/json", **headers}
        try:
            check_url(url, allow_http=self.allow_http)
            response = await self.client.send(method, url, headers, body)
            return read_response(f"{method} {url}", response)
        except (OutboundError, ValueError) as error:
            raise ProviderUnavailable(f"{method} {url}: {error}") from error

    async def close(self) -> None:
        await self.client.close()


def read_response(request: str, response: OutboundResponse) -> Json:
    """The JSON object of a response. Raises ProviderUnavailable, ProviderRefused or ValueError.

    `request` is the method and the URL, for messages.
    """
    if response.is_cut:
        raise ProviderUnavailable(f"{request}: the response is too long")
    if response.status in (400, 401, 403):
        raise ProviderRefused(f"{request}: status {response.status}")
    if response.status != 200:
        raise ProviderUnavailable(f"{request}: status {response.status}")
    found = orjson.loads(response.body)
    if not isinstance(found, dict):
        raise ProviderUnavailable(f"{request}: the response is not a JSON object")
    return found


def encode_basic(client_id: str, secret: str) -> str:
    """The Authorization header of a client (RFC 6749, section 2.3.1: both are form-encoded)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"
