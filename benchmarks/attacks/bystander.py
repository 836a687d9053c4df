"""A client that has nothing to do with an attack: it asks a small query over and over on a connection of its own, in a thread.

Each of its answers must be the right one. How long each took is for the benchmark; tests look at nothing but that they came.
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
PATIENCE_SECONDS = 60.0


class Disturbed(Exception):
    """A bystander was not answered as it should have been."""


@dataclass
class Bystander:
    """Asks for a ticket by its number, of a server at a port; the answer is to be the same each time."""

    port: int
    token: str
    number: int
    seconds: list[float] = field(default_factory=list[float])
    wrong: list[str] = field(default_factory=list[str])
    stopped: threading.Event = field(default_factory=threading.Event)

    def again(self) -> Bystander:
        """Another one who asks the same."""
        return Bystander(self.port, self.token, self.number)

    def run(self) -> None:
        """Ask until told to stop, and once after that."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stops = False
                while not stops:
                    stops = self.stopped.wait(PAUSE_SECONDS)
                    self.ask(connection)
        except (OSError, EOFError) as error:
            self.wrong.append(repr(error))

    def ask(self, connection: socket.socket) -> None:
        began = perf_counter()
        connection.sendall(self.request)
        status, body = answer(connection)
        self.seconds.append(perf_counter() - began)
        if status != 200 or orjson.loads(body).get("data") != {"ticketByNumber": {"number": self.number}}:
            self.wrong.append(f"{status} {body[:200]!r}")

    @property
    def request(self) -> bytes:
        asked = {"query": "query($n: Int!) { ticketByNumber(number: $n) { number } }", "variables": {"n": self.number}}
        body = orjson.dumps(asked)
        head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body. Raises EOFError where the connection ends before."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += received(connection)
    head, _, body = came.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += received(connection)
    return int(head.split()[1]), body


def received(connection: socket.socket) -> bytes:
    came = connection.recv(65536)
    if not came:
        raise EOFError
    return came


@contextlib.contextmanager
def watching(bystander: Bystander) -> Generator[Bystander]:
    """Let it ask while something else is done, and once more after that. Raises Disturbed."""
    thread = threading.Thread(target=bystander.run, name="bystander")
    thread.start()
    try:
        yield bystander
    finally:
        bystander.stopped.set()
        thread.join()
    if bystander.wrong:
        raise Disturbed("; ".join(bystander.wrong[:3]))
