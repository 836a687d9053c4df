"""The doorbell: heard at home at once, elsewhere over the bus, and never in the way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import asyncio as redis
from structlog.testing import capture_logs
from support.live import until
from support.missing import missing
from support.ports import reserve_port
from support.redis_server import Proxy, RedisServer, proxy, redis_server
from support.service import ROOT
from support.wakeup import LIMIT, Bell, Patience, connected, lost, reconnected, ring_both_ways, rings_over, running

from engine.bus.wakeup import CHANNEL


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    return Patience(monkeypatch)


async def test_a_ring_is_heard_at_home_also_before_there_is_a_bus() -> None:
    bell = Bell("memory://")
    waiting = asyncio.create_task(bell.wait(3600))
    await asyncio.sleep(0)
    bell.notify()
    await asyncio.wait_for(waiting, LIMIT)
    assert not bell.rung.is_set()


async def test_a_ring_while_nobody_waits_is_kept_for_the_next_who_does() -> None:
    bell = Bell("memory://")
    bell.notify()
    bell.notify()
    await bell.heard_a_ring()
    assert not bell.rung.is_set(), "many rings are one"


async def test_everybody_who_listens_hears_a_ring() -> None:
    bell = Bell("memory://")
    others = [bell.listen(), bell.listen()]
    bell.notify()
    for ear in (bell, *others):
        await asyncio.wait_for(ear.wait(3600), LIMIT)


async def test_waiting_ends_by_itself() -> None:
    bell = Bell("memory://")
    await asyncio.wait_for(bell.wait(0.01), LIMIT)
    assert not bell.rung.is_set()


async def test_others_on_the_same_redis_hear_a_ring_and_those_elsewhere_do_not() -> None:
    async with redis_server() as server:
        here, there, alone = Bell(server.url), Bell(server.url), Bell("memory://")
        async with running(here, there, alone):
            await connected(here, there, alone)
            there.rung.clear()
            await rings_over(here, there)
            await there.heard_a_ring()
            await rings_over(there, here)
            assert not alone.rung.is_set()


async def test_many_rings_at_once_are_one_and_none_comes_back_to_who_rang() -> None:
    async with redis_server() as server:
        here, there = Bell(server.url), Bell(server.url)
        async with running(here, there):
            await connected(here, there)
            await ring_both_ways(here, there)
            published, sent, heard = await server.published(), here.sent, (here.received, there.received)
            for _ in range(1000):
                here.notify()
            assert here.rung.is_set()
            await until(lambda: has_heard(there, heard[1] + 1))
            # its own rings came before this one, if at all
            await rings_over(there, here)
            await until(lambda: has_sent(here, sent + 1))
            assert await server.published() == published + 2
            assert (here.sent, here.received, there.received) == (sent + 1, heard[0] + 1, heard[1] + 1)


async def has_heard(bell: Bell, count: int) -> bool:
    return bell.received >= count


async def has_sent(bell: Bell, count: int) -> bool:
    return bell.sent >= count


async def test_in_memory_there_is_nobody_to_lose() -> None:
    bell = Bell("memory://")
    async with running(bell):
        bell.notify()
        await bell.heard_a_ring()
        for _ in range(50):
            await asyncio.sleep(0)
        assert not bell.rung.is_set(), "a ring that came home again would read the log twice"
        assert (bell.connected, bell.reconnects, bell.received, bell.sent) == (True, 0, 0, 0)


async def test_a_redis_that_is_not_there_yet_is_told_once_and_used_when_it_comes() -> None:
    server = RedisServer()
    bell = Bell(server.url)
    with capture_logs() as lines:
        async with running(bell):
            await until(lambda: told(lines, 1))
            bell.notify()
            await bell.heard_a_ring()
            assert not bell.connected
            # the second one comes to the same address, and waits as long for it
            other = Bell(server.url)
            async with running(other):
                await until(lambda: told(lines, 2))
                assert not other.connected
                async with redis_server(port=server.port):
                    await connected(bell, other)
                    await ring_both_ways(bell, other)
                    assert [line["event"] for line in lines] == ["bus.lost", "bus.lost", "bus.back", "bus.back"]


async def told(lines: list[dict[str, object]], count: int) -> bool:
    return len(lines) >= count


async def test_a_password_and_a_database_are_taken_from_the_url() -> None:
    word = "s/cr@t:ü"
    async with redis_server("--requirepass", word) as server:
        url = f"redis://:{quote(word, safe='')}@127.0.0.1:{server.port}/3?protocol=3&decode_responses=1&socket_timeout=0.01"
        here, there = Bell(url), Bell(url)
        async with running(here, there):
            await connected(here, there)
            await ring_both_ways(here, there)
            async with redis.from_url(url.partition("?")[0]) as control:
                assert {each["db"] for each in await control.client_list()} == {"3"}


async def test_a_wrong_password_is_told_once_without_saying_it() -> None:
    async with redis_server("--requirepass", "right") as server:
        bell = Bell(f"redis://:wrong@127.0.0.1:{server.port}")
        with capture_logs() as lines:
            async with running(bell):
                await until(lambda: refused(server, "right", "cmdstat_auth", 4))
        assert [line["event"] for line in lines] == ["bus.lost"]
        assert "Authentication" in str(lines)
        assert "wrong" not in str(lines).replace("WRONGPASS", "").lower()


async def test_who_may_listen_but_not_ring_counts_as_lost_once() -> None:
    async with redis_server() as server:
        async with redis.from_url(server.url) as control:
            await control.execute_command("ACL SETUSER", "deaf", "on", ">word", "+@all", "-publish", "&*")
        bell = Bell(f"redis://deaf:word@127.0.0.1:{server.port}")
        with capture_logs() as lines:
            async with running(bell):
                await until(lambda: refused(server, None, "cmdstat_publish", 4))
                assert not bell.connected
        assert [line["event"] for line in lines] == ["bus.lost"]


async def refused(server: RedisServer, password: str | None, command: str, count: int) -> bool:
    """Whether a command was tried and refused so many times."""
    async with redis.from_url(server.url, password=password) as control:
        stats = (await control.info("commandstats")).get(command, {})
    return int(stats.get("failed_calls", 0)) + int(stats.get("rejected_calls", 0)) >= count


async def test_over_tls_rings_go_as_well_and_again_after_an_outage(tmp_path: Path, patience: Patience) -> None:
    certificate = tmp_path / "certificate.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost"
    made = subprocess.run(
        [*words.split(), "-keyout", tmp_path / "key.pem", "-out", certificate], capture_output=True, check=False
    )
    if made.returncode:
        missing("openssl is not installed")
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(tmp_path / "key.pem"), "--tls-auth-clients", "no"]
    port = reserve_port()
    async with redis_server("--tls-port", str(port), *files), proxy(port) as line:
        url = f"rediss://localhost:{line.port}?ssl_ca_certs={certificate}"
        here, there = Bell(url), Bell(url)
        async with running(here, there):
            await connected(here, there)
            await ring_both_ways(here, there)
            line.cut = True
            with patience.hasty():
                await lost(1, here, there)
            line.mend()
            await reconnected(1, here, there)
            await ring_both_ways(here, there)
            await until(lambda: carries(line, 4))


async def carries(line: Proxy, connections: int) -> bool:
    return len(line.carrying) == connections


STOPPING = """
import asyncio, sys, gc
from engine.bus.wakeup import WakeupBus
async def main():
    asyncio.get_running_loop().slow_callback_duration = 60
    bell = WakeupBus(sys.argv[1])
    running = asyncio.create_task(bell.run())
    while not bell.connected and not (bell.redis and bell.redis.lost_at):
        await asyncio.sleep(0.01)
    bell.notify()
    running.cancel()
    await asyncio.wait([running])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
asyncio.run(main())
gc.collect()
"""


@pytest.mark.parametrize("kind", ["memory", "redis", "nobody"])
async def test_it_stops_without_leaving_anything_open(kind: str) -> None:
    """In development mode Python tells of each task and socket that is left behind."""
    async with redis_server() as server:
        url = {"memory": "memory://", "redis": server.url, "nobody": f"redis://127.0.0.1:{reserve_port()}"}[kind]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-c", STOPPING, url), cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        _, told = await asyncio.wait_for(process.communicate(), 2 * LIMIT)
        assert (process.returncode, told.decode()) == (0, "")
        if kind == "redis":
            await until(lambda: nobody_listens(server))


async def nobody_listens(server: RedisServer) -> bool:
    return await server.listeners(CHANNEL) == 0


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_ring_does_not_keep_who_is_told_to_stop(steps: int) -> None:
    """A ring and a cancellation that come together: the cancellation counts, or a service that stops would wait for ever."""
    bell = Bell("memory://")
    waiting = asyncio.create_task(bell.wait(3600))
    await asyncio.sleep(0)
    bell.notify()
    for _ in range(steps):
        await asyncio.sleep(0)
    if waiting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert waiting.done()
