"""The receivers of docs/webhooks.md, with requests that the service's own client sends to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from support.client_program import ClientProgram, run_client_program
from support.examples import Document
from support.live import until
from support.missing_programs import skip_unless_in_ci
from support.ports import reserve_port
from support.service import ROOT

from models.outbound.http_client import OutboundHttpClient, TargetUnavailable
from models.webhooks.signature import build_headers, generate_secret

GUIDE = "docs/webhooks.md"
NODE_MODULES = ROOT / "tests" / "live" / "node" / "node_modules"
MINUTE = 60
ACCEPTED, REFUSED = HTTPStatus.NO_CONTENT, HTTPStatus.UNAUTHORIZED


class Receiver:
    """A running receiver, and what it was sent."""

    def __init__(self, port: int, secret: str) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.secret = secret
        self.client = OutboundHttpClient(
            allowed_networks=[ip_network("127.0.0.1")],
            allow_http=True,
            timeout_seconds=60,
            max_response_bytes=1000,
        )

    async def send(
        self,
        event_id: str,
        *,
        secrets: list[str] | None = None,
        age_seconds: int = 0,
        sent: bytes | None = None,
        sent_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> int:
        """Send a signed event; returns the status. `sent` and `sent_id` replace what was signed."""
        body = event_body(event_id)
        timestamp = int(time.time()) - age_seconds
        signed = build_headers(secrets or [self.secret], event_id, timestamp, body)
        if sent_id is not None:
            signed["webhook-id"] = sent_id
        response = await self.client.post(
            self.url,
            {"content-type": "application/json", **signed, **(headers or {})},
            body if sent is None else sent,
        )
        return response.status

    async def until_listening(self) -> None:
        async def is_listening() -> bool:
            with contextlib.suppress(TargetUnavailable):
                await self.client.send("GET", self.url, {})
                return True
            return False

        await until(is_listening)


def event_body(event_id: str) -> bytes:
    text = "Grüße „äöü“ 🎫"
    return json.dumps({"id": event_id, "data": {"text": text}}, ensure_ascii=False).encode()


async def check_verification(receiver: Receiver) -> None:
    """What each receiver accepts and refuses."""
    other = generate_secret()
    assert await receiver.send("evt_1") == ACCEPTED
    assert await receiver.send("evt_2", secrets=[other, receiver.secret]) == ACCEPTED
    assert await receiver.send("evt_3", secrets=[receiver.secret, other]) == ACCEPTED
    assert await receiver.send("evt_4", age_seconds=4 * MINUTE) == ACCEPTED
    assert await receiver.send("bad_1", secrets=[other]) == REFUSED
    assert await receiver.send("bad_2", sent=event_body("bad_2") + b" ") == REFUSED
    assert await receiver.send("bad_3", sent=b"") == REFUSED
    assert await receiver.send("bad_4", sent_id="evt_1") == REFUSED
    assert await receiver.send("bad_5", age_seconds=6 * MINUTE) == REFUSED
    assert await receiver.send("bad_6", age_seconds=-6 * MINUTE) == REFUSED
    soon = {"webhook-timestamp": str(int(time.time()) + 1)}
    assert await receiver.send("bad_7", age_seconds=MINUTE, headers=soon) == REFUSED
    assert await receiver.send("bad_8", headers={"webhook-signature": "v1,AAAA"}) == REFUSED
    for malformed in ("", "v1", "garbage", "v1,!", "v2,AAAA"):
        bad = {"webhook-signature": malformed}
        assert await receiver.send("bad_9", headers=bad) == REFUSED, malformed
    assert await receiver.send("bad_10", headers={"webhook-timestamp": "now"}) == REFUSED
    assert await receiver.send("evt_1", age_seconds=-1) == ACCEPTED  # a retry
    assert await receiver.send("evt_5") == ACCEPTED


async def check_program(program: ClientProgram, receiver: Receiver) -> None:
    """It processes each genuine event once."""
    await check_verification(receiver)
    await program.until(lambda: program.messages[-1:] == [json.loads(event_body("evt_5"))])
    assert program.values("id") == ["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"]
    assert program.messages[0] == json.loads(event_body("evt_1"))


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    value = generate_secret()
    monkeypatch.setenv("WEBHOOK_SECRET", value)
    return value


async def test_the_receiver_in_python(tmp_path: Path, secret: str) -> None:
    port = reserve_port()
    code = Document(GUIDE).example("python", "# receiver.py")
    (tmp_path / "receiver.py").write_text(code.replace("9000", str(port)))
    receiver = Receiver(port, secret)
    async with run_client_program(sys.executable, "receiver.py", folder=tmp_path) as program:
        await receiver.until_listening()
        await check_program(program, receiver)


@pytest.mark.node
async def test_the_receiver_in_javascript(tmp_path: Path, secret: str, node: str) -> None:
    port = reserve_port()
    code = Document(GUIDE).example("js", "// receiver.mjs")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "receiver.mjs").write_text(code.replace("9000", str(port)))
    receiver = Receiver(port, secret)
    async with run_client_program(node, "receiver.mjs", folder=tmp_path) as program:
        await receiver.until_listening()
        await check_program(program, receiver)


async def test_the_receiver_in_a_shell(tmp_path: Path, secret: str) -> None:
    """The program verifies what an HTTP server of the test has received."""
    if not (shutil.which("sh") and shutil.which("openssl")):
        skip_unless_in_ci("openssl or sh is not installed")
    code = Document(GUIDE).example("sh", "# verify.sh")
    (tmp_path / "verify.sh").write_text(code)

    async def verify(headers: dict[str, str], body: bytes) -> int:
        (tmp_path / "body").write_bytes(body)
        variables = {
            "ID": headers.get("webhook-id", ""),
            "TIMESTAMP": headers.get("webhook-timestamp", ""),
            "SIGNATURE": headers.get("webhook-signature", ""),
        }
        process = await asyncio.create_subprocess_exec(
            *("sh", "verify.sh"), cwd=tmp_path, env={**os.environ, **variables}
        )
        return ACCEPTED if await process.wait() == 0 else REFUSED

    async with serve(verify) as port:
        await check_verification(Receiver(port, secret))


@contextlib.asynccontextmanager
async def serve(
    answer: Callable[[dict[str, str], bytes], Awaitable[int]],
) -> AsyncIterator[int]:
    """An HTTP server that responds with the status that `answer` returns; yields its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")[1:]
        fields = [each.partition(":") for each in lines]
        headers = {name.lower(): value.strip() for name, _, value in fields}
        status = await answer(headers, await reader.readexactly(int(headers["content-length"])))
        writer.write(f"HTTP/1.1 {int(status)} x\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def test_every_example_has_a_test() -> None:
    guide = Document(GUIDE)
    guide.example("python", "# receiver.py")
    guide.example("js", "// receiver.mjs")
    guide.example("sh", "# verify.sh")
    assert guide.unused == []


def test_the_operations_of_the_guide_are_valid() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    text = (ROOT / GUIDE).read_text()
    operations = re.findall(r"^```graphql\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(operations) == 5
    for operation in operations:
        assert validate(schema, parse(operation)) == []
