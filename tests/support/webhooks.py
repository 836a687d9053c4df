"""A receiver of webhooks that misbehaves as tests want, and the job that delivers to it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from background import build_webhook_deliverer
from models.core import time
from services.components import build_components
from settings.application import load
from support.admin_mutations import run_mutation
from support.client import Client
from support.files import ENCRYPTION_KEY
from support.loop_limits import count_runs
from support.ports import listening_socket
from workers.webhooks.deliverer import WebhookDeliverer

ALL_TYPES = ["TICKET_CREATED", "REPLY_ADDED", "NOTE_ADDED", "STATUS_CHANGED", "ASSIGNED"]
SETTINGS: dict[str, Any] = {
    "encryption_keys": ENCRYPTION_KEY,
    "allow_http_webhooks": True,
    "outbound_allowed_networks": "127.0.0.1/32",
    "cost_bucket_size": 0,  # on a fast machine, a test could otherwise read deliveries too often
}
DELIVERY_FIELDS = """id status attempts responseStatus lastError nextAttemptAt deliveredAt
  event { id cursor type ticket { id } }
  attemptLog { requestedAt request { url headers { name value } } status milliseconds
    response error }"""


@dataclass(frozen=True)
class Received:
    """A request that arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed(self, secret: str) -> bool:
        """Whether one of the signatures is by this secret, checked by hand."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = b64decode(secret.removeprefix("whsec_"))
        expected = "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return expected in self.headers["webhook-signature"].split()


Respond = Callable[[Received], str]
"""The start of a response: the status, and possibly more header lines."""


@dataclass
class Receiver:
    """An HTTP server. `received` has all requests, `acknowledged` those with a status of 2xx."""

    respond: Respond = lambda _: "200 OK"
    port: int = 0
    text: str = ""
    """The body of the responses. By default it names the size of the request."""
    received: list[Received] = field(default_factory=list[Received])
    acknowledged: list[Received] = field(default_factory=list[Received])
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is cleared, requests wait for their responses."""
    waiting: int = 0
    most_waiting: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def answer(self, response: str) -> None:
        self.respond = lambda _: response

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            lines = [line.partition(":") for line in head[1:] if line]
            headers = {name.strip().lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Received(headers, body)
            self.received.append(request)
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            try:
                await self.open.wait()
            finally:
                self.waiting -= 1
            response = self.respond(request)
            if response.startswith("2"):
                self.acknowledged.append(request)
            content = (self.text or f"you said {len(body)} bytes").encode()
            text = f"HTTP/1.1 {response}\r\nContent-Length: {len(content)}\r\n\r\n"
            writer.write(text.encode() + content)
            await writer.drain()
        writer.close()

    def bodies(self) -> list[dict[str, Any]]:
        return [each.json for each in self.received]

    def cursors(self) -> list[str]:
        """The cursors of the acknowledged events, each once, in the order of the first one."""
        return list(dict.fromkeys(each.json["cursor"] for each in self.acknowledged))


@contextlib.asynccontextmanager
async def receiving(response: str = "200 OK") -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.answer(response)
    receiver.open.set()
    listening = listening_socket()
    receiver.port = int(listening.getsockname()[1])
    server = await asyncio.start_server(receiver.handle, sock=listening)
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.close()
        await server.wait_closed()


def build_deliverer(url: str, **settings: Any) -> WebhookDeliverer:
    """The job, with permission to reach this machine."""
    loaded = load(database_url=url, compiled_plans="all", **{**SETTINGS, **settings})
    return build_webhook_deliverer(loaded, build_components(loaded, None).webhook_payloads)


async def deliver(worker: WebhookDeliverer, at: datetime | None = None) -> None:
    """Deliver what is due, until nothing is under way."""
    for _ in count_runs(1000):
        if not (await worker.run_once(at or time.now(), 0)).more:
            break


async def retry(worker: WebhookDeliverer, **ahead: float) -> None:
    """`deliver` at a later time."""
    await deliver(worker, time.now() + timedelta(**ahead))


async def create_webhook(
    client: Client, receiver: Receiver | str, **input: Any
) -> tuple[dict[str, Any], str]:
    """A webhook and its secret."""
    url = receiver if isinstance(receiver, str) else receiver.url
    fields = {"url": url, "types": ALL_TYPES, **input}
    query = """mutation($input: CreateWebhookInput!) { createWebhook(input: $input) {
      webhook { id url state cursor types query shape filter version owner { displayName } }
      secret replayed userErrors { code message field } } }"""
    payload = (await client.run(query, input=fields))["createWebhook"]
    assert payload["userErrors"] == [], payload
    return dict(payload["webhook"]), str(payload["secret"])


async def read_webhook(client: Client, webhook: dict[str, Any]) -> dict[str, Any]:
    query = f"""query($id: ID!) {{ webhook(id: $id) {{
      id state pauseReason pausedAt failingSince cursor version previousSecretUntil url
      deliveries(first: 100) {{ nodes {{ {DELIVERY_FIELDS} }} totalCount }} }} }}"""
    return dict((await client.run(query, id=webhook["id"]))["webhook"])


async def read_deliveries(client: Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries, oldest event first."""
    return list(reversed((await read_webhook(client, webhook))["deliveries"]["nodes"]))


async def read_gaps(client: Client, webhook: dict[str, Any], after: str | None = None) -> list[str]:
    """The cursors of the events that the receiver has not acknowledged."""
    query = """query($id: ID!, $after: String) { webhookGaps(webhookId: $id, after: $after,
      first: 100) { nodes { cursor } } }"""
    found = (await client.run(query, id=webhook["id"], after=after))["webhookGaps"]
    return [node["cursor"] for node in found["nodes"]]


async def update(client: Client, webhook: dict[str, Any], **input: Any) -> dict[str, Any]:
    return await run_mutation(client, "updateWebhook", webhookId=webhook["id"], **input)


async def replay(client: Client, webhook: dict[str, Any], after: str, **input: Any) -> int:
    """Replay events; returns their number."""
    query = """mutation($input: ReplayWebhookInput!) { replayWebhook(input: $input) {
      events replayed userErrors { code message field } } }"""
    fields = {"webhookId": webhook["id"], "after": after, **input}
    payload = (await client.run(query, input=fields))["replayWebhook"]
    assert payload["userErrors"] == [], payload
    return int(payload["events"])
