"""A client beside the attacker: it repeats a small query on its own connection, in a thread.

Each response must be correct. The benchmark uses the response times; the tests do not.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from time import perf_counter

import orjson

PAUSE_SECONDS = 0.002
TIMEOUT_SECONDS = 60.0


class BystanderError(Exception):
    """A bystander got a wrong response, or none."""


@dataclass
class Bystander:
    """Requests a ticket by its number. The response must be the same each time."""

    port: int
    token: str
    number: int
    seconds: list[float] = field(default_factory=list[float])
    errors: list[str] = field(default_factory=list[str])
    stopped: threading.Event = field(default_factory=threading.Event)

    def clone(self) -> Bystander:
        """A bystander without results that sends the same requests."""
        return Bystander(self.port, self.token, self.number)

    def run(self) -> None:
        """Send requests until `stopped` is set, and one more after that."""
        try:
            address = ("127.0.0.1", self.port)
            with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                is_last = False
                while not is_last:
                    is_last = self.stopped.wait(PAUSE_SECONDS)
                    self.send_request(connection)
        except (OSError, EOFError) as error:
            self.errors.append(repr(error))

    def send_request(self, connection: socket.socket) -> None:
        started_at = perf_counter()
        connection.sendall(self.request)
        status, body = read_response(connection)
        self.seconds.append(perf_counter() - started_at)
        expected = {"ticketByNumber": {"number": self.number}}
        if status != 200 or orjson.loads(body).get("data") != expected:
            self.errors.append(f"{status} {body[:200]!r}")

    @property
    def request(self) -> bytes:
        query = "query($n: Int!) { ticketByNumber(number: $n) { number } }"
        body = orjson.dumps({"query": query, "variables": {"n": self.number}})
        head = (
            "POST /graphql HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
        )
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def read_response(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body. Raises EOFError if the connection ends early."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += receive(connection)
    return int(head.split()[1]), body


def receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise EOFError
    return data


@contextlib.contextmanager
def run_bystander(bystander: Bystander) -> Generator[Bystander]:
    """Run the bystander in a thread while the block runs. Raises BystanderError."""
    thread = threading.Thread(target=bystander.run, name="bystander")
    thread.start()
    try:
        yield bystander
    finally:
        bystander.stopped.set()
        thread.join()
    if bystander.errors:
        raise BystanderError("; ".join(bystander.errors[:3]))
