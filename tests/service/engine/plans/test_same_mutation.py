"""Mutations with and without plans, each way on a copy of its own: they do and tell the same, refusals and errors included."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
import time_machine
from support.asking import Asked, Desk
from support.generating import Generator, Pool
from support.generating.compare import difference, report
from support.generating.seen import Seen, reachable
from support.plenty import NOW, Plenty

from models import database as db
from models import ids

pytestmark = pytest.mark.timeout(600)

MUTATIONS = int(os.environ.get("TEST_MUTATIONS", "160"))
SEED = os.environ.get("TEST_SEED", "1")
VIEWERS = ("agent", "admin", "customer of a shared account", "machine that may all", "customer", "machine that writes tickets")
SECRETS = {
    "signIn": "its token is random, and passwords are slow",
    "createApiToken": "its token is random",
    "signOut": "it ends the viewer's token",
    "revokeApiToken": "the same",
}
"""Mutations that are left out, and why."""
SEEN_NEVER = {"AdvanceClockPayload", "SignInPayload", "SignOutPayload", "CreateApiTokenPayload", "RevokeApiTokenPayload"}
"""What those give; time moves in the demo alone."""
REPLY = {"body": "Seen?"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

Copy = Callable[[str, Path], AbstractAsyncContextManager[str]]


@dataclass
class Names:
    """Ids that came to be on one copy, by the order in which they were first told, so that two copies can be compared."""

    known: frozenset[str]
    new: dict[str, str] = field(default_factory=dict[str, str])

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.of(each) for key, each in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self.of(each) for each in cast("list[Any]", value)]
        if not isinstance(value, str):
            return value
        if value.startswith("Wy"):  # a cursor holds ids, too
            value = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode(errors="replace")
        return UUID.sub(self.name, value)

    def name(self, found: re.Match[str]) -> str:
        key = found[0]
        return key if key in self.known else self.new.setdefault(key, f"new-{len(self.new)}")


def told(maker: Generator, pool: Pool, random: Random) -> list[tuple[str, Asked]]:
    """What is asked, and by whom: the usual course of things first, then chance."""
    tickets, people = pool.ids[ids.TICKET], pool.ids[ids.USER]
    new = {"subject": "Printer", "description": "It *smokes*.", "category": "technical", "tags": ["vpn"]}
    found: list[tuple[str, Asked]] = []
    for number in range(4):
        key = {"idempotencyKey": f"key-{number // 2}"}  # each comes twice
        found.append(("customer of a shared account", maker.mutation("createTicket", {**new, **key})))
        found.append(("agent", maker.mutation("createTicket", {**new, "subject": " "})))
    early, odd = pool.cursors["log"][0], {"expectedVersion": 1}
    for ticket in [*tickets[-8:], *tickets[:12]]:
        for name, more in (
            ("assignTicket", {"assigneeId": random.choice(people)}),
            ("addNote", {"body": "**Noted.**"}),
            ("replyToTicket", {"body": "Hello."}),
            ("replyToTicket", {"body": "Again.", "lastSeenCursor": early}),
            ("resolveTicket", {"resolution": "Done."}),
            ("resolveTicket", {"resolution": "Once more.", **(odd if random.random() < 0.5 else {})}),
            ("setPresence", {"state": "WRITING"}),
        ):
            found.append(("agent", maker.mutation(name, {"ticketId": ticket, **more})))
    root = maker.schema.mutation_type
    assert root is not None
    names = [name for name in root.fields if name not in SECRETS]
    found += [(viewer, maker.mutation(name, whole=True)) for name in names for viewer in ("admin", "agent")]
    found += [("agent", maker.mutation("replyToTicket", {"ticketId": tickets[-6], **REPLY, "lastSeenCursor": early}, whole=True))]
    for number in range(MUTATIONS):
        viewer = "stranger" if number % 17 == 0 else random.choice(VIEWERS)
        found.append((viewer, maker.mutation(names[number % len(names)])))
    return found


async def answers(url: str, plenty: Plenty, alone: bool, asked: Sequence[tuple[str, Asked]]) -> list[dict[str, Any]]:
    """All of it on one copy, one after the other."""
    await db.connect(url)
    try:
        desk = Desk.make(url)
        with time_machine.travel(NOW, tick=False), desk.alone() if alone else nullcontext():
            return [await desk.answer(each, plenty.tokens[viewer]) for viewer, each in asked]
    finally:
        await db.disconnect()


async def test_mutations_tell_the_same(filled: tuple[str, Plenty], copy: Copy, tmp_path: Path) -> None:
    source, plenty = filled
    async with copy(source, tmp_path) as one, copy(source, tmp_path) as other:
        await db.connect(one)
        try:
            desk = Desk.make(one)
            pool = await Pool.read(desk, plenty.tokens["admin"], plenty.tokens["agent"])
        finally:
            await db.disconnect()
        asked = told(Generator(desk.core, pool, SEED), pool, Random(SEED))
        core = await answers(one, plenty, True, asked)
        found = await answers(other, plenty, False, asked)
    known = frozenset(UUID.findall(json.dumps(pool.ids)))
    ours, theirs = Names(known), Names(known)
    for (viewer, each), by_core, by_plan in zip(asked, core, found, strict=True):
        where = difference(ours.of(by_core), theirs.of(by_plan))
        assert where is None, report(each, viewer, where)
    expect_variety(desk, asked, core)


def expect_variety(desk: Desk, asked: Sequence[tuple[str, Asked]], core: Sequence[dict[str, Any]]) -> None:
    """Without it the comparison would say little."""
    codes = [error["extensions"]["code"] for answer in core for error in answer.get("errors", ())]
    assert {"FORBIDDEN", "UNAUTHENTICATED"} <= set(codes)
    assert not {"INTERNAL", "UNAVAILABLE", "GRAPHQL_VALIDATION_FAILED"} & set(codes), codes
    seen = Seen(desk.core)
    for (_, each), answer in zip(asked, core, strict=True):
        if answer.get("data"):
            seen.note(each, answer["data"])
    root = desk.core.mutation_type
    assert root is not None
    assert desk.core.query_type is not None
    own = reachable(desk.core, root) - reachable(desk.core, desk.core.query_type)
    left_out = SEEN_NEVER | {"Mutation"}
    unseen = sorted(pair for pair in own - seen.asked if pair[0] not in left_out)
    assert len(unseen) <= 3, unseen  # ids that were made in the same millisecond sort by chance
