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
from support.differential import OperationRequest, SchemaRunner
from support.generated_operations import Generator, Pool
from support.generated_operations.comparison import find_difference, format_difference
from support.generated_operations.field_coverage import FieldCoverage, reachable_fields
from support.large_dataset import NOW, LargeDataset
from support.seed import IS_FIXED

from models import database as db
from models.core import ids

pytestmark = [pytest.mark.never_retried, pytest.mark.stress, pytest.mark.timeout(1200)]

MUTATIONS = int(os.environ.get("TEST_MUTATIONS", "80" if IS_FIXED else "320"))
"""Random mutations in each of the two tests that make them."""
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


def usual(maker: Generator, pool: Pool) -> list[tuple[str, OperationRequest]]:
    """The usual course of things: the viewers, and the mutations that they ask for."""
    random = maker.random
    tickets, people = pool.ids[ids.TICKET], pool.ids[ids.USER]
    new = {"subject": "Printer", "description": "It *smokes*.", "category": "technical", "tags": ["vpn"]}
    found: list[tuple[str, OperationRequest]] = []
    for number in range(4):
        key = {"idempotencyKey": f"key-{number // 2}"}  # each comes twice
        found.append(("customer of a shared account", maker.mutation("createTicket", {**new, **key})))
        found.append(("agent", maker.mutation("createTicket", {**new, "subject": " "})))
    early = pool.cursors["log"][0]
    found.append(("admin", maker.mutation("addNote", {"ticketId": tickets[-7], "body": "Seen by nobody else."})))
    unseen = {"ticketId": tickets[-7], "body": "Seen?", "lastSeenCursor": early}
    found.append(("agent", refused("replyToTicket", unseen, "... on UnseenMessages { messages { id } }")))
    stale = {"ticketId": tickets[-7], "priority": "LOW", "expectedVersion": 999}
    found.append(("agent", refused("updateTicket", stale, "... on StaleVersion { current }")))
    for place, ticket in enumerate([*tickets[-6:], *tickets[:5]]):
        odd = {"expectedVersion": 1} if place % 2 else {}
        for name, more in (
            ("assignTicket", {"assigneeId": random.choice(people)}),
            ("addNote", {"body": "**Noted.**"}),
            ("replyToTicket", {"body": "Hello."}),
            ("replyToTicket", {"body": "Again.", "lastSeenCursor": early}),
            ("resolveTicket", {"resolution": "Done."}),
            ("resolveTicket", {"resolution": "Once more.", **odd}),
            ("setPresence", {"state": "WRITING"}),
        ):
            found.append(("agent", maker.mutation(name, {"ticketId": ticket, **more})))
    found += [(viewer, maker.mutation(name, whole=True)) for name in names(maker) for viewer in ("admin", "agent")]
    found.append(("stranger", maker.mutation("addNote", {"ticketId": tickets[0], "body": "Never."})))
    return found


def refused(name: str, given: dict[str, Any], errors: str) -> OperationRequest:
    """A mutation that is refused by a user error whose own fields random documents select too rarely."""
    type = name[0].upper() + name[1:]
    query = f"mutation M($input: {type}Input!) {{ {name}(input: $input) {{ userErrors {{ __typename {errors} }} }} }}"
    return OperationRequest(query, {"input": given}, None)


def at_random(maker: Generator, part: int) -> list[tuple[str, OperationRequest]]:
    """Random mutations by random viewers."""
    found: list[tuple[str, OperationRequest]] = []
    every = names(maker)
    for number in range(MUTATIONS):
        viewer = "stranger" if number % 17 == 0 else maker.random.choice(VIEWERS)
        found.append((viewer, maker.mutation(every[(part * MUTATIONS + number) % len(every)])))
    return found


def names(maker: Generator) -> list[str]:
    root = maker.schema.mutation_type
    assert root is not None
    return [name for name in root.fields if name not in SECRETS]


async def answers(url: str, plenty: LargeDataset, alone: bool, asked: Sequence[tuple[str, OperationRequest]]) -> list[dict[str, Any]]:
    """All of it on one copy, one after the other."""
    await db.connect(url)
    try:
        desk = SchemaRunner.make(url)
        with time_machine.travel(NOW, tick=False), desk.graphql_core_only() if alone else nullcontext():
            return [await desk.answer(each, plenty.tokens[viewer]) for viewer, each in asked]
    finally:
        await db.disconnect()


Made = Callable[[Generator, Pool], list[tuple[str, OperationRequest]]]


async def compare(
    filled: tuple[str, LargeDataset], copy: Copy, folder: Path, random: Random, make: Made
) -> tuple[SchemaRunner, list[tuple[str, OperationRequest]], list[dict[str, Any]]]:
    """Fail if the answers on two copies of a database differ. Returns the mutations and graphql-core's answers."""
    source, plenty = filled
    async with copy(source, folder) as one, copy(source, folder) as other:
        await db.connect(one)
        try:
            desk = SchemaRunner.make(one)
            pool = await Pool.read(desk, plenty.tokens["admin"], plenty.tokens["agent"])
        finally:
            await db.disconnect()
        asked = make(Generator(desk.core, pool, random), pool)
        core = await answers(one, plenty, True, asked)
        found = await answers(other, plenty, False, asked)
    known = frozenset(UUID.findall(json.dumps(pool.ids)))
    ours, theirs = Names(known), Names(known)
    for (viewer, each), by_core, by_plan in zip(asked, core, found, strict=True):
        where = find_difference(ours.of(by_core), theirs.of(by_plan))
        assert where is None, format_difference(each, viewer, where)
    codes = [error["extensions"]["code"] for answer in core for error in answer.get("errors", ())]
    assert not {"INTERNAL", "UNAVAILABLE", "GRAPHQL_VALIDATION_FAILED"} & set(codes), codes
    assert {"FORBIDDEN", "UNAUTHENTICATED"} <= set(codes)
    return desk, asked, core


async def test_the_usual_mutations_get_the_same_answers(
    filled: tuple[str, LargeDataset], copy: Copy, tmp_path: Path, random: Random
) -> None:
    desk, asked, core = await compare(filled, copy, tmp_path, random, usual)
    expect_variety(desk, asked, core)


@pytest.mark.parametrize("part", range(2))
async def test_random_mutations_get_the_same_answers(
    filled: tuple[str, LargeDataset], copy: Copy, tmp_path: Path, random: Random, part: int
) -> None:
    await compare(filled, copy, tmp_path, random, lambda maker, _: at_random(maker, part))


def expect_variety(desk: SchemaRunner, asked: Sequence[tuple[str, OperationRequest]], core: Sequence[dict[str, Any]]) -> None:
    """Fail if the mutations did not ask for each field that mutations alone return."""
    seen = FieldCoverage(desk.core)
    for (_, each), answer in zip(asked, core, strict=True):
        if answer.get("data"):
            seen.add_response(each, answer["data"])
    root = desk.core.mutation_type
    assert root is not None
    assert desk.core.query_type is not None
    own = reachable_fields(desk.core, root) - reachable_fields(desk.core, desk.core.query_type)
    left_out = SEEN_NEVER | {"Mutation"}
    unseen = sorted(pair for pair in own - seen.requested if pair[0] not in left_out)
    if IS_FIXED:  # with other seeds, all inputs of a mutation may be invalid
        assert unseen == []
