"""One connection that receives server-sent events (graphql-sse, distinct connections mode)."""

from __future__ import annotations

from asyncio import timeout
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2

from .errors import NetworkError, UnexpectedResponseError
from .transport import CONNECT_SECONDS, Endpoint, convert_error, read_response

SILENCE_SECONDS = 45.0
"""Three heartbeats of the server. A connection that is silent for so long is dead."""
MEDIA_TYPE = "text/event-stream"
TIMEOUT = httpx2.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)


class Connection:
    def __init__(self, response: httpx2.Response, max_event_bytes: int) -> None:
        self.response = response
        source = httpx2.EventSource(response, max_event_size=max_event_bytes)
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
            async with timeout(SILENCE_SECONDS):
                response = await endpoint.http.send(request, stream=True)
                if response.status_code == 200:
                    return cls(response, endpoint.max_response_bytes)
                content = await endpoint.read_content(response)
        except TimeoutError as error:
            raise NetworkError(f"Timeout: no stream in {SILENCE_SECONDS:g} seconds") from error
        except httpx2.RequestError as error:
            raise convert_error(error) from error
        read_response(response, content)
        raise UnexpectedResponseError("not an event stream", response.status_code)

    async def read(self) -> httpx2.ServerSentEvent:
        """The next message, or a heartbeat, which has an id only.

        Raises NetworkError at the end of the connection, also if it sends something else for too
        long, and UnexpectedResponseError.
        """
        try:
            async with timeout(SILENCE_SECONDS):
                return await anext(self.messages)
        except TimeoutError as error:
            raise NetworkError(f"Timeout: no heartbeat in {SILENCE_SECONDS:g} seconds") from error
        except StopAsyncIteration:
            raise NetworkError("the server closed the stream") from None
        except httpx2.RequestError as error:
            raise convert_error(error) from error

    async def close(self) -> None:
        await self.response.aclose()
