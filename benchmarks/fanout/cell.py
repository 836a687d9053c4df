"""A cell of the results: one contender with so many subscribers. Every step has a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from benchmarks import machine
from benchmarks.fanout.client import Answer, Client, ClientFailed
from benchmarks.fanout.contenders import Bare, Contender
from benchmarks.fanout.results import CellResult, Plan, Step
from benchmarks.programs import BenchmarkError

OVERWHELMED_MS = 1500.0
DRAIN_SECONDS = 12.0
TICK_SECONDS = 0.02
"""Above 50 events per second, several are published at a time."""
MAX_EVENTS_AT_ONCE = 1000
WARM_UP_SOCKETS = 20
PHASES_OF_BARE = ("lone", "sustained", "burst")
"""The phases for bare C, which only show the limit of the load client."""


class Cell:
    """Measures one contender with so many subscribers."""

    def __init__(
        self,
        contender: Contender,
        size: int,
        plan: Plan,
        client: Path,
        folder: Path,
        load_cores: set[int],
    ) -> None:
        self.contender, self.size, self.plan, self.program, self.folder = (
            contender,
            size,
            plan,
            client,
            folder,
        )
        self.load_cores = load_cores
        self.client: Client | None = None
        self.result = CellResult()
        self.started_at = 0.0

    async def run(self, phases: Mapping[str, Phase]) -> CellResult:
        """Run the phases. An error is recorded as the reason for missing figures, never raised."""
        try:
            async with asyncio.timeout(self.plan.budget * 2 + self.plan.connect * 3 + 60):
                await self.measure(phases)
        except TimeoutError:
            self.result.reasons.setdefault("all", "the time limit has passed")
        except Exception as error:  # the other contenders are still measured
            self.result.reasons.setdefault("all", str(error) or type(error).__name__)
        finally:
            await self.stop()
        return self.result

    async def measure(self, phases: Mapping[str, Phase]) -> None:
        await self.start()
        await self.connect()
        self.started_at = time.monotonic()
        bare = isinstance(self.contender, Bare)
        for name, phase in phases.items():
            if bare and name not in PHASES_OF_BARE:
                continue
            if time.monotonic() - self.started_at > self.plan.budget:
                self.result.reasons[name] = "no time left"
                continue
            if "lone" in self.result.reasons:
                self.result.reasons[name] = "none: single events did not reach all sockets"
                continue
            try:
                await self.restore()
                await phase(self)
            except (BenchmarkError, ClientFailed) as error:
                self.result.reasons[name] = str(error)

    # -- start and stop

    async def start(self) -> None:
        """Start the server and the client, and warm up the server with a few other sockets."""
        await self.contender.start(self.folder)
        async with await self.new_client() as client:
            await client.open(WARM_UP_SOCKETS, 20)
            contender = self.contender
            for _ in range(50):
                contender.publish(2)
                await asyncio.sleep(TICK_SECONDS)
            await client.wait(await contender.wait_until_published(20), 20)
        await asyncio.sleep(0.5)
        self.client = await self.new_client()

    async def new_client(self) -> Client:
        return await Client.start(
            self.program,
            self.contender.port,
            self.contender.tokens,
            self.folder,
            self.load_cores,
            self.plan.payload,
        )

    async def stop(self) -> None:
        if self.client is not None:
            await self.client.__aexit__(None, None, None)
            self.client = None
        with contextlib.suppress(BenchmarkError):
            await self.contender.stop()

    async def restore(self) -> None:
        """Make sure that all sockets are open and no message is on its way. Restart the server if
        not."""
        reason = "it was overwhelmed"
        try:
            if self.client is not None and await self.is_intact(self.client):
                return
        except (BenchmarkError, ClientFailed) as error:
            reason = str(error)
        self.result.notes.append(f"restarted: {reason}")
        await self.stop()
        await self.start()
        await self.subscribe()

    async def is_intact(self, client: Client) -> bool:
        await self.contender.pin_other_processes()
        answer = await client.zero()
        if answer.open == self.size:
            answer = await client.wait(
                await self.contender.wait_until_published(DRAIN_SECONDS), DRAIN_SECONDS
            )
            self.count(answer, 0)
        return answer.open == self.size and not answer.behind and not answer.closed

    @property
    def running_client(self) -> Client:
        assert self.client is not None
        return self.client

    async def connect(self) -> None:
        await self.contender.collect_garbage()
        before = machine.measure_memory(self.contender.pid)
        self.result.figures["connect"] = await self.subscribe()
        await self.contender.collect_garbage()
        after = machine.measure_memory(self.contender.pid)
        self.result.figures["memory"] = (after - before) / self.size

    async def subscribe(self) -> float:
        """Open all sockets; return the seconds it took.

        An event then proves that each socket is subscribed.
        """
        client = self.running_client
        opened = await client.open(self.size, self.plan.connect)
        if opened.open < self.size:
            reason = f"{opened.open} of {self.size} sockets within {opened.seconds:.0f} s"
            raise BenchmarkError(f"{reason} {opened.trouble}".strip())
        await self.contender.pin_other_processes()
        for _ in range(3):
            await client.zero()
            self.contender.publish(1)
            proof = await client.wait(
                await self.contender.wait_until_published(DRAIN_SECONDS), 10 + self.size / 500
            )
            if not proof.behind:
                return opened.seconds
        raise BenchmarkError(f"{proof.behind} sockets did not get an event {proof.trouble}")

    # -- parts of phases

    async def publish_at_rate(self, rate: float, seconds: float) -> Step:
        """Publish at a rate for some seconds, and wait for all deliveries.

        Gives up early if the server falls far behind.
        """
        client = self.running_client
        await client.zero()
        cpu_before = machine.cpu_seconds(self.contender.pid)
        busy_before, ticks_before = machine.count_busy_ticks(self.load_cores)
        started_at = time.monotonic()
        published, given_up = await self.publish_until(started_at, started_at + seconds, rate)
        position = await self.contender.wait_until_published(DRAIN_SECONDS)
        publishing_seconds = max(time.monotonic() - started_at, published / rate)
        answer = await client.wait(position, DRAIN_SECONDS)
        busy, ticks = machine.count_busy_ticks(self.load_cores)
        self.count(answer, published)
        return Step(
            rate=rate,
            published=published,
            answer=answer,
            seconds=publishing_seconds,
            server_cpu=machine.cpu_seconds(self.contender.pid) - cpu_before,
            load_busy=(busy - busy_before) / max(1, ticks - ticks_before),
            given_up=given_up,
        )

    async def publish_until(self, start: float, end: float, rate: float) -> tuple[int, bool]:
        """Publish from `start` to `end`; return the number of events, and whether it gave up."""
        published, checked_at = 0, start
        while True:
            now = time.monotonic()
            if now >= end:
                return published, False
            due = min(int((now - start) * rate) + 1 - published, MAX_EVENTS_AT_ONCE)
            if due > 0:
                self.contender.publish(due)
                published += due
            if now - checked_at > 0.25:
                checked_at = now
                if self.is_overwhelmed(await self.running_client.stats(), published, rate):
                    return published, True
            delay = TICK_SECONDS
            if rate > 4:
                delay = max(TICK_SECONDS, start + published / rate - time.monotonic())
            await asyncio.sleep(delay)

    def is_overwhelmed(self, answer: Answer, published: int, rate: float) -> bool:
        waiting = published - answer.received / self.size
        return (
            answer.worst > OVERWHELMED_MS
            or waiting > max(3.0, rate * OVERWHELMED_MS / 1000)
            or answer.closed > 0
        )

    def require_complete(self, answer: Answer) -> None:
        if answer.behind or answer.closed:
            reason = f"{answer.behind or answer.closed} sockets did not get all events"
            raise BenchmarkError(f"{reason} {answer.trouble}".strip())

    def count(self, answer: Answer, events: int) -> None:
        self.result.events += events
        self.result.deliveries += answer.received
        self.result.wrong += answer.wrong
        if answer.wrong and len(self.result.notes) < 5:
            self.result.notes.append(
                f"{answer.gaps} lost, {answer.doubles} duplicated, "
                f"{answer.foreign} under a wrong id, {answer.malformed} malformed "
                f"{answer.trouble}".strip()
            )

    def expected_rate(self) -> float:
        """Half the rate in events per second that single events suggest."""
        return 500 / max(0.1, self.result.figures.get("lone_last_p50", 500.0))

    def has_spent(self, share: float) -> bool:
        return time.monotonic() - self.started_at > self.plan.budget * share


Phase = Callable[[Cell], Awaitable[None]]
