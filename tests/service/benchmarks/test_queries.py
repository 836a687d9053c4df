"""The load client of benchmarks/queries counts what is whole and right, and notices whatever is not; answers are read alike."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.programs import Failed, compiled
from benchmarks.queries import client as client_module
from benchmarks.queries.__main__ import difference
from benchmarks.queries.client import Answer, drive
from benchmarks.queries.contenders import PEERS
from benchmarks.queries.questions import plain, request

CORES = os.sched_getaffinity(0)
SECONDS = (1.0, 5.0, 25.0, 60.0)
"""How long the client runs. On a slow machine, one second may not suffice for all answers, and the test runs it longer."""
CONNECTIONS = 2
GOOD = b'{"data":{"n":1}}'
SENT = [request("/one", {"n": 1}, "secret"), request("/two", {"n": 2}, None)]


@pytest.fixture(scope="session")
async def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None or shutil.which("taskset") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler and taskset are not installed, and CI must not skip this")
        pytest.skip("a C compiler and taskset are needed")
    folder = tmp_path_factory.mktemp("queries")
    return compiled(Path(client_module.__file__).with_suffix(".c"), folder)


def whole(body: bytes, status: str = "200 OK") -> list[bytes]:
    return [f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


async def measured(program: Path, answers: Sequence[Sequence[bytes]]) -> tuple[Answer, list[bytes]]:
    """What the client makes of a server that answers each connection so in turn, an answer in pieces; and what it was sent.

    After the last answer it says nothing more until the client's time is over, and then answers well.
    """
    for seconds in SECONDS:
        answer, heard, finished = await measured_for(seconds, program, answers)
        if finished >= CONNECTIONS:  # a client whose connection is closed connects again
            return answer, heard
    pytest.fail(f"the client did not ask for all answers within {SECONDS[-1]} s")


async def measured_for(seconds: float, program: Path, answers: Sequence[Sequence[bytes]]) -> tuple[Answer, list[bytes], int]:
    """The same for a client that runs so long; also returns on how many connections all answers were given."""
    finished = 0
    heard: list[bytes] = []
    clock = asyncio.get_running_loop().time
    over: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal finished
        try:
            for answer in (*answers, None):
                head = await reader.readuntil(b"\r\n\r\n")
                over.append(clock() + seconds)  # the client's time began before this
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                heard.append(head + await reader.readexactly(length))
                finished += answer is None or answer == []
                if answer is None:
                    await asyncio.sleep(max(0.0, over[0] - clock()))
                for piece in whole(GOOD) if answer is None else answer:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if answer == []:
                    break
            else:
                await reader.read()  # the client still listens on its other connections, and would notice that this one ends
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await drive(program, port, CONNECTIONS, seconds, SENT, program.parent, CORES)
        return answer, heard, finished


async def test_the_client_counts_whole_answers_however_they_come(program: Path) -> None:
    piecemeal = [bytes([byte]) for byte in whole(GOOD)[0]]
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = [head + b"4\r\n" + GOOD[:4] + b"\r\n", b"c\r\n" + GOOD[4:] + b"\r\n0\r\n", b"\r\n"]
    answer, heard = await measured(
        program, [whole(GOOD), piecemeal, chunked, whole(b'{"data":1,"userErrors": [1], "errors": []}')]
    )
    assert (answer.received, answer.wrong) == (8, 0), answer
    assert answer.bytes == 2 * (2 * len(GOOD) + len(chunked[0] + chunked[1] + chunked[2]) - len(head) + 42)
    assert 0 < answer.p50 <= answer.p99 <= answer.worst + 0.1
    assert sorted(set(heard)) == sorted(SENT), "requests are sent as they are, in turn"


@pytest.mark.parametrize(
    "bad",
    [whole(b'{"errors":[{"message":"no"}]}'), whole(b'{"errors": [{}]}'), whole(GOOD, "503 Service Unavailable"), []],
    ids=["errors", "errors after a blank", "status", "closed"],
)
async def test_the_client_notices(program: Path, bad: list[bytes]) -> None:
    answer, _ = await measured(program, [whole(GOOD), bad])
    assert answer.failed >= 2
    assert answer.received >= 2
    assert answer.trouble


async def test_the_client_takes_no_answer_without_a_length(program: Path) -> None:
    with pytest.raises(Failed, match="without a length"):
        await measured(program, [[b"HTTP/1.1 200 OK\r\n\r\n{}"]])


def test_answers_of_all_schemas_read_alike() -> None:
    at = "2026-11-20T08:49:26.443"
    ours = {"id": "tkt_1-2", "number": 7, "status": "OPEN", "priority": "HIGH", "createdAt": f"{at}667Z", "cursor": "abc"}
    tables = {"id": "1-2", "number": "7", "status": "open", "priority": 3, "createdAt": f"{at}667+00:00", "cursor": "xyz"}
    assert plain({"data": ours}, "Q1") == plain({"data": tables}, "Q1")
    said = {"author": None, "machine": {"displayName": "M"}}
    assert plain({"data": said}, "Q3") == {"author": {"displayName": "M"}}
    for key, value in {
        "id": "1-3",
        "number": 8,
        "status": "new",
        "priority": 2,
        "createdAt": f"{at[:-1]}9Z",
        "cursor": "",
    }.items():
        other = plain({"data": {**ours, key: value}}, "Q1")
        assert key in (difference(plain({"data": ours}, "Q1"), other) or "")
    with pytest.raises(ValueError, match="no answer"):
        plain({"data": ours, "errors": [{}]}, "Q1")


def test_new_tickets_read_alike_though_they_are_others() -> None:
    first = {"id": "tkt_1", "number": 1, "subject": "VPN", "requester": {"displayName": "A"}}
    second = {"id": "2", "number": "2", "subject": "VPN", "requester": {"displayName": "B"}}
    assert plain({"data": first}, "M1") == plain({"data": second}, "M1")
    assert plain({"data": first}, "M1") != plain({"data": {**second, "subject": "Mail"}}, "M1")
    assert plain({"data": first}, "M1") != plain({"data": {**second, "id": None}}, "M1")


def test_the_lock_of_the_peers_names_no_registry() -> None:
    text = (PEERS / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text
