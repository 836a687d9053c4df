"""One contender with so many subscribers: brought up, kept whole, taken down. Nothing hangs: every step has a limit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from benchmarks.fanout import machine
from benchmarks.fanout.client import Answer, Client, ClientFailed
from benchmarks.fanout.contenders import Bare, Contender
from benchmarks.fanout.found import Found, Plan, Step
from benchmarks.programs import Failed

PATIENCE_MS = 1500.0
DRAIN_SECONDS = 12.0
TICK = 0.02
"""Events of a higher rate than 50 a second are published some at a time."""
MOST_AT_ONCE = 1000
WARM = 20
OF_BARE = ("lone", "sustained", "burst")
"""What bare C is measured for: the limit of the load client."""


class Cell:
    """One contender with so many subscribers."""

    def __init__(self, contender: Contender, size: int, plan: Plan, client: Path, folder: Path, load_cores: set[int]) -> None:
        self.contender, self.size, self.plan, self.program, self.folder = contender, size, plan, client, folder
        self.load_cores = load_cores
        self.client: Client | None = None
        self.found = Found()
        self.began = 0.0

    async def run(self, phases: Mapping[str, Phase]) -> Found:
        """Never raises, never hangs: what goes wrong is told in the place of the figures."""
        try:
            async with asyncio.timeout(self.plan.budget * 2 + self.plan.connect * 3 + 60):
                await self.measure(phases)
        except TimeoutError:
            self.found.reasons.setdefault("all", "it took too long")
        except Exception as error:  # the other contenders are still to be measured
            self.found.reasons.setdefault("all", str(error) or type(error).__name__)
        finally:
            await self.down()
        return self.found

    async def measure(self, phases: Mapping[str, Phase]) -> None:
        await self.up()
        await self.connect()
        self.began = time.monotonic()
        bare = isinstance(self.contender, Bare)
        for name, phase in phases.items():
            if bare and name not in OF_BARE:
                continue
            if time.monotonic() - self.began > self.plan.budget:
                self.found.reasons[name] = "no time left"
                continue
            if "lone" in self.found.reasons:
                self.found.reasons[name] = "none: lone events did not reach all"
                continue
            try:
                await self.whole()
                await phase(self)
            except (Failed, ClientFailed) as error:
                self.found.reasons[name] = str(error)

    # -- up and down

    async def up(self) -> None:
        """Start both sides, and warm the server up with a few sockets of another client."""
        await self.contender.start(self.folder)
        async with await self.new_client() as client:
            await client.open(WARM, 20)
            begun = self.contender
            for _ in range(50):
                begun.publish(2)
                await asyncio.sleep(TICK)
            await client.wait(await begun.settled(20), 20)
        await asyncio.sleep(0.5)
        self.client = await self.new_client()

    async def new_client(self) -> Client:
        return await Client.start(self.program, self.contender.port, self.contender.tokens, self.folder, self.load_cores)

    async def down(self) -> None:
        if self.client is not None:
            await self.client.__aexit__(None, None, None)
            self.client = None
        with contextlib.suppress(Failed):
            await self.contender.stop()

    async def whole(self) -> None:
        """All sockets live and nothing on its way, as each phase expects it; a server that was overwhelmed is started anew."""
        why = "it was overwhelmed"
        try:
            if self.client is not None and await self.is_whole(self.client):
                return
        except (Failed, ClientFailed) as error:
            why = str(error)
        self.found.notes.append(f"started anew, as {why}")
        await self.down()
        await self.up()
        await self.subscribe()

    async def is_whole(self, client: Client) -> bool:
        await self.contender.refresh()
        answer = await client.zero()
        if answer.open == self.size:
            answer = await client.wait(await self.contender.settled(DRAIN_SECONDS), DRAIN_SECONDS)
            self.count(answer, 0)
        return answer.open == self.size and not answer.behind and not answer.closed

    @property
    def at_hand(self) -> Client:
        assert self.client is not None
        return self.client

    async def connect(self) -> None:
        await self.contender.collect()
        before = machine.memory(self.contender.pid)
        self.found.figures["connect"] = await self.subscribe()
        await self.contender.collect()
        self.found.figures["memory"] = (machine.memory(self.contender.pid) - before) / self.size

    async def subscribe(self) -> float:
        """Open all sockets; returns how long it took. An event then proves that each is subscribed."""
        client = self.at_hand
        opened = await client.open(self.size, self.plan.connect)
        if opened.open < self.size:
            raise Failed(f"{opened.open} of {self.size} sockets within {opened.seconds:.0f} s {opened.trouble}".strip())
        await self.contender.refresh()
        for _ in range(3):
            await client.zero()
            self.contender.publish(1)
            proof = await client.wait(await self.contender.settled(DRAIN_SECONDS), 10 + self.size / 500)
            if not proof.behind:
                return opened.seconds
        raise Failed(f"{proof.behind} sockets were told of no event {proof.trouble}")

    # -- parts of phases

    async def paced(self, rate: float, seconds: float) -> Step:
        """Publish at a rate for a while, wait until all came. Gives up early where the server falls far behind."""
        client, published, given_up = self.at_hand, 0, False
        await client.zero()
        spent, core = machine.cpu_seconds(self.contender.pid), machine.busy(self.load_cores)
        begun = looked = time.monotonic()
        while (now := time.monotonic()) - begun < seconds:
            due = int((now - begun) * rate) + 1 - published
            if due > 0:
                self.contender.publish(min(due, MOST_AT_ONCE))
                published += min(due, MOST_AT_ONCE)
            if now - looked > 0.25:
                looked = now
                if self.is_hopeless(await client.stats(), published, rate):
                    given_up = True
                    break
            await asyncio.sleep(max(TICK, begun + published / rate - time.monotonic()) if rate > 4 else TICK)
        position = await self.contender.settled(DRAIN_SECONDS)
        out = max(time.monotonic() - begun, published / rate)
        answer = await client.wait(position, DRAIN_SECONDS)
        work, total = machine.busy(self.load_cores)
        self.count(answer, published)
        return Step(
            rate=rate,
            published=published,
            answer=answer,
            seconds=out,
            server_cpu=machine.cpu_seconds(self.contender.pid) - spent,
            load_busy=(work - core[0]) / max(1, total - core[1]),
            given_up=given_up,
        )

    def is_hopeless(self, answer: Answer, published: int, rate: float) -> bool:
        waiting = published - answer.received / self.size
        return answer.worst > PATIENCE_MS or waiting > max(3.0, rate * PATIENCE_MS / 1000) or answer.closed > 0

    def check(self, answer: Answer) -> None:
        if answer.behind or answer.closed:
            raise Failed(f"{answer.behind or answer.closed} sockets did not get all {answer.trouble}".strip())

    def count(self, answer: Answer, events: int) -> None:
        self.found.events += events
        self.found.deliveries += answer.received
        self.found.wrong += answer.wrong
        if answer.wrong and len(self.found.notes) < 5:
            self.found.notes.append(
                f"{answer.gaps} gaps, {answer.doubles} doubles, {answer.foreign} with another's id, {answer.malformed} malformed "
                f"{answer.trouble}".strip()
            )

    def modest(self) -> float:
        """Half the events a second that lone events let expect."""
        return 500 / max(0.1, self.found.figures.get("lone_last_p50", 500.0))

    def spent(self, share: float) -> bool:
        return time.monotonic() - self.began > self.plan.budget * share


Phase = Callable[[Cell], Awaitable[None]]
