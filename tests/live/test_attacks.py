"""Each attack of benchmarks/attacks on a real server: expected responses, no effect on others.

The benchmark measures how long other clients wait; this test does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.service import Process, start

from benchmarks.attacks.accounts import create_accounts
from benchmarks.attacks.attack import Attack
from benchmarks.attacks.bystander import Bystander, BystanderError, run_bystander
from benchmarks.attacks.catalog import ATTACKS
from benchmarks.attacks.target import Target
from models import database

pytestmark = pytest.mark.timeout(900)

NOTES = 24
ATTACK_NUMBERS = {(each.name, each.transport): number for number, each in enumerate(ATTACKS)}


@dataclass
class Stage:
    process: Process
    targets: list[Target]
    """One per attack."""
    bystander: Bystander


@pytest.fixture(autouse=True)
def long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine 300 concurrent transactions may exceed the benchmark's timeout of one
    minute."""
    monkeypatch.setattr("benchmarks.attacks.target.TIMEOUT_SECONDS", 400.0)
    monkeypatch.setattr("benchmarks.attacks.bystander.TIMEOUT_SECONDS", 400.0)


@pytest.fixture(scope="module")
async def stage(
    template: str, copy: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("attacks")
    async with copy(template, folder) as url:
        await database.connect(url)
        try:
            accounts = await create_accounts(len(ATTACKS))
        finally:
            await database.disconnect()
        # Without jobs, because the notifier would notify 200 agents of 300 tickets.
        process = await start(url, TICKETWIRE_RUN_JOBS="false")
        try:
            targets, bystander = await accounts.create_targets(process.port, NOTES)
            yield Stage(process, targets, bystander)
        finally:
            process.kill()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: f"{each.name}, {each.transport}")
async def test_an_attack_is_answered_and_does_not_disturb_other_clients(
    stage: Stage, attack: Attack
) -> None:
    target = stage.targets[ATTACK_NUMBERS[attack.name, attack.transport]]
    with run_bystander(stage.bystander.clone()):
        answers = await attack.send(target)
    assert answers
    assert attack.expected.issuperset(answers), set(answers) - attack.expected
    with run_bystander(stage.bystander.clone()):
        assert await target.post("{ viewer { role } }") in ("200", "429 RATE_LIMITED")
    assert stage.process.popen.poll() is None


async def test_attacks_have_unique_names_and_expect_no_server_error() -> None:
    assert len(ATTACK_NUMBERS) == len(ATTACKS)
    answers = {answer for each in ATTACKS for answer in each.expected}
    assert not [answer for answer in answers if answer.startswith("5") or "INTERNAL" in answer]


async def test_a_bystander_reports_wrong_and_missing_responses(stage: Stage) -> None:
    bystander = stage.bystander
    with (
        pytest.raises(BystanderError),
        run_bystander(Bystander(bystander.port, bystander.token, 0)),
    ):
        await stage.targets[0].post("{ viewer { role } }")
    with (
        pytest.raises(BystanderError),
        run_bystander(Bystander(bystander.port, "twk_unknown", bystander.number)),
    ):
        await stage.targets[0].post("{ viewer { role } }")
    with (
        pytest.raises(BystanderError, match="refused"),
        run_bystander(Bystander(1, bystander.token, bystander.number)),
    ):
        pass
