"""One connection that receives server-sent events (graphql-sse, distinct connections mode)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2

from .errors import NetworkError, UnexpectedResponseError
from .transport import Endpoint, convert_error, read_response

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 45.0
"""Three heartbeats of the server. A connection that is silent for so long is dead."""
MAX_EVENT_BYTES = 16 * 1024 * 1024
MEDIA_TYPE = "text/event-stream"
TIMEOUT = httpx2.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)


class Connection:
    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        source = httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES)
        self.messages: AsyncIterator[httpx2.ServerSentEvent] = aiter(source)

    @classmethod
    async def open(cls, endpoint: Endpoint, body: Mapping[str, Any]) -> Connection:
        """Send a subscription. Raises NetworkError, RequestError and UnexpectedResponseError."""
        request = endpoint.http.build_request(
            "POST",
            f"{endpoint.url}/stream",
            json=body,
            headers=endpoint.build_headers(MEDIA_TYPE),
            timeout=TIMEOUT,
        )
        try:
            response = await endpoint.http.send(request, stream=True)
            if response.status_code == 200:
                return cls(response)
            try:
                await response.aread()
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            raise convert_error(error) from error
        read_response(response)
        raise UnexpectedResponseError("not an event stream", response.status_code)

    async def read(self) -> httpx2.ServerSentEvent:
        """The next message, or a heartbeat, which has an id only.

        Raises NetworkError at the end of the connection, and UnexpectedResponseError.
        """
        try:
            return await anext(self.messages)
        except StopAsyncIteration:
            raise NetworkError("the server closed the stream") from None
        except httpx2.RequestError as error:
            raise convert_error(error) from error

    async def close(self) -> None:
        await self.response.aclose()
